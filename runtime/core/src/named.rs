//! Enums whose cases have names that are written to the store and shown to users.

use thiserror::Error;

/// A text that is not one of the names it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown {what} `{text}`")]
pub struct UnknownName {
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// An enum whose cases have names that are written to the store and shown to users.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$case_doc:meta])* $case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)*
        }

        impl $name {
            /// Every case, in order.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$case),*];

            /// The name that the store keeps and users see.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::named::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::named::UnknownName> {
                match text {
                    $($text => Ok(Self::$case),)*
                    _ => Err($crate::named::UnknownName { what: $what, text: text.to_owned() }),
                }
            }
        }
    };
}

pub(crate) use named;
