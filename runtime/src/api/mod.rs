//! HTTP over a handle to the engine. The only room that knows HTTP.

pub mod view;
