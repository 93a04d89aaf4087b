//! The mark by which a message is known: the run it belongs to and its number, as text.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// `lt` and eight hex digits of the run, then twelve of the number, then a full stop.
const RUN_LEN: usize = 10;
const NUMBER_LEN: usize = 12;

/// The shortest content that holds a mark.
pub const CONTENT_BYTES_MIN: usize = RUN_LEN + NUMBER_LEN + 1;

/// What all messages of a run have in common; two runs never take each other's messages.
#[derive(Debug)]
pub struct Mark {
    run: String,
    start: String,
    finder: memchr::memmem::Finder<'static>,
}

impl Mark {
    /// The mark of the run `run`.
    pub fn new(run: u32) -> Self {
        let run = format!("{run:08x}");
        let start = format!("lt{run}");
        let finder = memchr::memmem::Finder::new(&start).into_owned();
        Self { run, start, finder }
    }

    /// A mark that no other run has.
    pub fn fresh() -> Self {
        let bits = RandomState::new().build_hasher().finish();
        let [a, b, c, d, ..] = bits.to_ne_bytes();
        Self::new(u32::from_ne_bytes([a, b, c, d]))
    }

    /// The run's name, hex digits. It may stand anywhere: only behind `lt` it begins a mark.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Writes into `content` a text of `len` bytes that bears `number`; at least
    /// [`CONTENT_BYTES_MIN`].
    pub fn write(&self, content: &mut Vec<u8>, number: u64, len: usize) {
        content.clear();
        content.extend_from_slice(self.start.as_bytes());
        for digit in (0..NUMBER_LEN).rev() {
            let nibble = (number >> (4 * digit)) & 15;
            content.extend(char::from_digit(nibble as u32, 16).map(|digit| digit as u8));
        }
        content.push(b'.');
        content.resize(len.max(CONTENT_BYTES_MIN), b'x');
    }

    /// The number of the message whose content is somewhere in `body`.
    pub fn read(&self, body: &[u8]) -> Option<u64> {
        let start = self.finder.find(body)? + RUN_LEN;
        let digits = body.get(start..start + NUMBER_LEN)?;
        u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_BYTES_MIN, Mark};

    #[test]
    fn a_number_is_read_back_from_within_a_message_of_the_asked_length() {
        let mark = Mark::new(0x1234_abcd);
        let mut content = Vec::new();
        for number in [0, 1, 0xdead_beef, 0xffff_ffff_ffff] {
            mark.write(&mut content, number, 120);
            assert_eq!(content.len(), 120);
            let body = [br#"["new_message",{"content":""#, content.as_slice(), b"\"}]"].concat();
            assert_eq!(mark.read(&body), Some(number));
        }
        mark.write(&mut content, 7, 0);
        assert_eq!(content.len(), CONTENT_BYTES_MIN);
    }

    #[test]
    fn a_room_named_after_the_run_is_not_taken_for_a_mark() {
        let mark = Mark::new(0x1234_abcd);
        let mut content = Vec::new();
        mark.write(&mut content, 9, 40);
        let body = [format!("load-{}-000000000007.", mark.run()).as_bytes(), &content].concat();
        assert_eq!(mark.read(&body), Some(9));
    }

    #[test]
    fn other_runs_and_cut_marks_are_not_read() {
        let mark = Mark::new(1);
        let mut content = Vec::new();
        Mark::new(2).write(&mut content, 5, 40);
        assert_eq!(mark.read(&content), None);
        mark.write(&mut content, 5, 40);
        assert_eq!(mark.read(&content[..CONTENT_BYTES_MIN - 2]), None);
        assert_eq!(mark.read(b""), None);
    }
}
