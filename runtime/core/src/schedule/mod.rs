//! Placeholder until the room is merged.
use jiff::Timestamp;
/// A trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// x
    Every(std::time::Duration),
}
impl Trigger {
    /// x
    pub fn next_after(&self, _t: Timestamp) -> Option<Timestamp> {
        None
    }
    /// x
    pub fn latest_in(&self, _after: Timestamp, _through: Timestamp) -> Option<Timestamp> {
        None
    }
    /// x
    pub fn count_in(&self, _after: Timestamp, _through: Timestamp) -> u64 {
        0
    }
    /// x
    pub fn fingerprint(&self) -> String {
        String::new()
    }
}
