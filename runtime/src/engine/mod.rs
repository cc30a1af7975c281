//! The shell around the core: it names what happens, steps, and performs.
