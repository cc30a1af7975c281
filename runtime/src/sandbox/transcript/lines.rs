//! A stream of bytes, made into lines of text.

use std::mem;

/// The longest line, in bytes; what is longer becomes several.
pub(super) const LONGEST: usize = 8 << 10;

/// The line that has not ended yet.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Hands over every line that these bytes end.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut say: impl FnMut(String)) {
        while let Some(&first) = bytes.first() {
            if self.0.len() >= LONGEST && first != b'\n' {
                say(self.cut());
            }
            let room = LONGEST - self.0.len();
            let window = &bytes[..bytes.len().min(room + 1)];
            if let Some(end) = window.iter().position(|&byte| byte == b'\n') {
                self.0.extend_from_slice(&window[..end]);
                bytes = &bytes[end + 1..];
                say(self.end());
            } else {
                let taken = window.len().min(room);
                self.0.extend_from_slice(&window[..taken]);
                bytes = &bytes[taken..];
            }
        }
    }

    /// What is left when nothing more comes.
    pub(super) fn rest(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.end())
    }

    fn end(&mut self) -> String {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        let line = String::from_utf8_lossy(line).into_owned();
        self.0.clear();
        line
    }

    fn cut(&mut self) -> String {
        let rest = self.0.split_off(boundary(&self.0));
        let line = mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&line).into_owned()
    }
}

/// Where to cut so that a character whose end has not come yet stays whole.
fn boundary(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let length = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        return bytes.len() - if length > back { back } else { 0 };
    }
    bytes.len()
}
