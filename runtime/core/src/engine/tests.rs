//! Small stories, one rule each. The simulation in `tests/sim` covers their combinations.
