//! From the bytes of a field to text.

use std::borrow::Cow;

use crate::params::Encoding;

/// What Windows-1252 has from 0x80 to 0x9f, where Latin-1 has control characters. What it leaves open
/// is what Latin-1 has there.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a field; or what is wrong with it.
pub(crate) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, String> {
    match (encoding, str::from_utf8(bytes)) {
        (Encoding::Utf8 | Encoding::Utf8OrLatin1, Ok(text)) => Ok(text.into()),
        (Encoding::Utf8, Err(error)) => {
            let at = error.valid_up_to();
            Err(format!(
                "byte 0x{:02x} is not UTF-8; is the file Latin-1?",
                bytes[at]
            ))
        }
        (Encoding::Latin1 | Encoding::Utf8OrLatin1, _) => {
            Ok(bytes.iter().copied().map(character).collect())
        }
    }
}

fn character(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_mean_what_the_encoding_says() {
        use Encoding::{Latin1, Utf8, Utf8OrLatin1};
        let (utf8, latin) = ("Müller €".as_bytes(), b"M\xfcller \x80".as_slice());
        for encoding in [Utf8, Utf8OrLatin1] {
            assert_eq!(decode(utf8, encoding).unwrap(), "Müller €");
        }
        for encoding in [Latin1, Utf8OrLatin1] {
            assert_eq!(decode(latin, encoding).unwrap(), "Müller €");
        }
        assert_eq!(decode(utf8, Latin1).unwrap(), "MÃ¼ller â‚¬");
        let told = decode(latin, Utf8).unwrap_err();
        assert_eq!(told, "byte 0xfc is not UTF-8; is the file Latin-1?");
    }
}
