//! The set of places that a client has, a bit each.

/// Places from 0.
#[derive(Debug, Default, Clone)]
pub(super) struct Coverage(Vec<u64>);

impl Coverage {
    /// Adds a place. Grows to the greatest one, an eighth of a byte each.
    pub(super) fn add(&mut self, place: u32) {
        let (word, bit) = (place as usize / 64, 1_u64 << (place % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// The first of `count` places that is not there.
    pub(super) fn first_gap(&self, count: u32) -> Option<u32> {
        let gap = self.0.iter().position(|word| *word != u64::MAX).unwrap_or(self.0.len());
        let within = self.0.get(gap).map_or(0, |word| word.trailing_ones());
        let place = u32::try_from(gap * 64).unwrap_or(u32::MAX).saturating_add(within);
        (place < count).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Coverage;

    #[test]
    fn the_first_gap_is_found_within_and_between_words() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.first_gap(0), None);
        assert_eq!(coverage.first_gap(1), Some(0));
        (0..130).filter(|place| *place != 70).for_each(|place| coverage.add(place));
        assert_eq!(coverage.first_gap(70), None);
        assert_eq!(coverage.first_gap(130), Some(70));
        coverage.add(70);
        assert_eq!((coverage.first_gap(130), coverage.first_gap(131)), (None, Some(130)));
    }
}
