//! Where the components are that the tests run: a path for every guest of
//! `guests/` and every plugin, all built by `build.rs`.
//!
//! A component that no test runs is to be noticed, so the suite has one test
//! module per guest, or one function, of the guest's name, and says
//!
//! ```ignore
//! macro_rules! assert_test_exists {
//!     ($name:ident) => {
//!         #[expect(unused_imports, reason = "only that it is there")]
//!         use self::$name as _;
//!     };
//! }
//! tests::foreach_guest!(assert_test_exists);
//! ```

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
