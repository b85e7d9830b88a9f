//! Tells what no codec makes smaller (what is compressed already, keys, textures), so that none spends time on it.

use memchr::memchr_iter;

/// How many bytes are judged together.
const GRAIN: usize = 64 << 10;

/// Fewer bytes are never noise: they say too little.
const FEWEST: usize = 4 << 10;

/// Places that are compared: behind each byte of this value. Any will do; it is one of the rarer ones in text and in code.
const MARKER: u8 = 0xa5;

/// How many bytes are compared at such a place.
pub const SAMPLE: usize = 8;

/// Which places are remembered: a power of two.
const PLACES: usize = 16 << 10;

/// The piece in stretches that are noise or are not, in turn.
pub fn stretches(piece: &[u8]) -> Vec<(bool, &[u8])> {
    let mut seen = Seen::default();
    let mut stretches: Vec<(bool, &[u8])> = Vec::new();
    let mut at = 0;
    for grain in piece.chunks(GRAIN) {
        let is_noise =
            grain.len() >= FEWEST && is_even(&grain[..FEWEST]) && is_even(grain) && !seen.again(grain);
        match stretches.last_mut() {
            Some((is_last_noise, stretch)) if *is_last_noise == is_noise => {
                *stretch = &piece[at - stretch.len()..at + grain.len()];
            }
            _ => stretches.push((is_noise, grain)),
        }
        at += grain.len();
    }
    stretches
}

/// Whether all values come about equally often: an entropy of more than 7.97 bits a byte, so that a code for the values saves less
/// than half a percent.
///
/// The sum of the squares of `n` counts is `n² / 256` at least, and of random bytes `255 / 256 n` more, with a deviation of a tenth of that.
fn is_even(bytes: &[u8]) -> bool {
    let mut counts = [[0_u32; 256]; 4];
    let quads = bytes.chunks_exact(4);
    quads.remainder().iter().for_each(|byte| counts[0][usize::from(*byte)] += 1);
    // Four tables: a count that is added to twice in a row would be waited for.
    for quad in quads {
        counts.iter_mut().zip(quad).for_each(|(counts, byte)| counts[usize::from(*byte)] += 1);
    }
    let count = |value: usize| counts.iter().map(|counts| u64::from(counts[value])).sum::<u64>();
    let squares: u64 = (0..256).map(|value| count(value).pow(2)).sum();
    let n = bytes.len() as u64;
    squares * 256 <= n * (n + n / 50 + 400)
}

/// The same of the same bytes, wherever they stand: with each, where it begins.
pub fn samples(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8; SAMPLE])> {
    memchr_iter(MARKER, bytes).filter_map(|at| Some((at + 1, bytes.get(at + 1..)?.first_chunk()?)))
}

/// Fibonacci hashing: the upper bits of the product.
pub fn hash(sample: &[u8; SAMPLE]) -> u64 {
    u64::from_le_bytes(*sample).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Samples of what was before, to know it again: noise that comes twice can be said in fewer bytes.
struct Seen(Vec<[u8; SAMPLE]>);

impl Default for Seen {
    fn default() -> Self {
        Seen(vec![[0; SAMPLE]; PLACES])
    }
}

impl Seen {
    /// Whether a sixteenth of it was there before; remembers it.
    fn again(&mut self, grain: &[u8]) -> bool {
        let (mut all, mut known) = (0, 0);
        for (_, sample) in samples(grain) {
            let place = &mut self.0[(hash(sample) >> 32) as usize % PLACES];
            all += 1;
            known += usize::from(place == sample);
            *place = *sample;
        }
        known * 16 > all
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The same each time.
    pub fn random(length: usize, mut state: u64) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(length)
        .collect()
    }

    fn lengths(piece: &[u8]) -> Vec<(bool, usize)> {
        stretches(piece).iter().map(|(is_noise, stretch)| (*is_noise, stretch.len())).collect()
    }

    #[test]
    fn noise_is_told_from_all_else() {
        let noise = random(1 << 20, 1);
        assert_eq!(lengths(&noise), [(true, 1 << 20)]);
        let text: String = (0..400_000).map(|i| format!("{i:x} ")).collect();
        for other in [text.into_bytes(), noise.iter().map(|byte| byte & 0x7f).collect(), vec![0; 1 << 20]] {
            assert_eq!(lengths(&other), [(false, other.len())]);
        }
        assert!(stretches(b"").is_empty());
        assert_eq!(lengths(&noise[..1000]), [(false, 1000)]);
    }

    /// Few values more often than others: 7.9 bits a byte are worth a code.
    #[test]
    fn a_slight_bias_is_no_noise() {
        let biased: Vec<u8> =
            random(1 << 20, 2).iter().map(|byte| if *byte < 16 { 0 } else { *byte }).collect();
        assert_eq!(lengths(&biased), [(false, 1 << 20)]);
    }

    #[test]
    fn noise_that_comes_again_is_none() {
        let again = [random(128 << 10, 3), random(128 << 10, 3), random(128 << 10, 4)].concat();
        assert_eq!(lengths(&again), [(true, 128 << 10), (false, 128 << 10), (true, 128 << 10)]);
        // In the same grain, too.
        assert_eq!(lengths(&random(1000, 5).repeat(1000)), [(false, 1_000_000)]);
    }

    #[test]
    fn stretches_take_turns_and_are_the_whole() {
        let piece = [random(192 << 10, 6), vec![b'a'; 64 << 10], random(65 << 10, 7)].concat();
        let found = stretches(&piece);
        assert_eq!(
            lengths(&piece),
            [(true, 192 << 10), (false, 64 << 10), (true, 64 << 10), (false, 1 << 10)]
        );
        assert!(found.iter().map(|(_, stretch)| *stretch).collect::<Vec<_>>().concat() == piece);
    }
}
