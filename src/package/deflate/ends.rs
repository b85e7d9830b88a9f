//! Where the last block of a deflate stream begins and ends (RFC 1951, 3.2). Its blocks are walked code by code; nothing is unpacked.

/// Bits are counted from the stream's first, the least significant one of its first byte.
#[derive(Debug, PartialEq, Eq)]
pub struct Ends {
    /// The bit by which the last block says that it is the last.
    pub mark: usize,
    /// The first bit behind the stream.
    pub end: usize,
}

/// `None`: it is no deflate stream, or ends too early.
pub fn find(stream: &[u8]) -> Option<Ends> {
    let mut bits = Bits { stream, at: 0 };
    loop {
        let mark = bits.at;
        let is_last = bits.take(1) == 1;
        match bits.take(2) {
            0 => bits.pass_stored(),
            1 => bits.pass_codes(&Codes::fixed())?,
            2 => {
                let codes = bits.codes()?;
                bits.pass_codes(&codes)?;
            }
            _ => return None,
        }
        if bits.at > 8 * stream.len() {
            return None;
        }
        if is_last {
            return Some(Ends { mark, end: bits.at });
        }
    }
}

struct Bits<'a> {
    stream: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next 57 bits at least, the first one the least significant; zeros behind the stream's end.
    #[inline(always)]
    fn peek(&self) -> u64 {
        let from = self.at / 8;
        let word = match self.stream.get(from..).and_then(|rest| rest.first_chunk()) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => self.stream.iter().skip(from).rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        word >> (self.at % 8)
    }

    fn take(&mut self, count: usize) -> usize {
        let bits = self.peek() & ((1 << count) - 1);
        self.at += count;
        bits as usize
    }

    /// 3.2.4: to the next byte, the length, its complement, so many bytes.
    fn pass_stored(&mut self) {
        self.at = self.at.next_multiple_of(8);
        let length = self.take(16);
        self.at += 16 + 8 * length;
    }

    /// 3.2.7: the lengths of all codes, themselves in a code whose lengths come first.
    fn codes(&mut self) -> Option<Codes> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let (literals, distances, count) = (257 + self.take(5), 1 + self.take(5), 4 + self.take(4));
        let mut of_lengths = [0; 19];
        ORDER[..count].iter().for_each(|symbol| of_lengths[*symbol] = self.take(3) as u8);
        // Symbols have five bits, and lengths three.
        let of_lengths = Table::new(&of_lengths, |symbol| (symbol as u8) << 3);
        let mut lengths = Vec::with_capacity(literals + distances);
        while lengths.len() < literals + distances {
            let step = of_lengths.step(self.peek());
            self.at += usize::from(step & 7);
            let (value, times) = match step >> 3 {
                16 => (*lengths.last()?, 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (length, 1),
            };
            lengths.resize(lengths.len() + times, value);
        }
        let (literals, rest) = lengths.split_at(literals);
        Some(Codes::new(literals, rest.get(..distances)?))
    }

    /// Up to and with the block's end.
    fn pass_codes(&mut self, codes: &Codes) -> Option<()> {
        let limit = 8 * self.stream.len();
        while self.at < limit {
            let bits = self.peek();
            let step = codes.literals.step(bits);
            let width = usize::from(step & WIDTH);
            self.at += width;
            if step & PLAIN != 0 {
                continue;
            }
            if step & MATCH == 0 {
                // No code at all has no width.
                return (width > 0).then_some(());
            }
            // 48 bits at most, of a length and a distance, each with its extra bits: they are all in the 57.
            let distance = codes.distances.step(bits >> width);
            self.at += usize::from(distance & WIDTH);
            if distance == 0 {
                return None;
            }
        }
        None
    }
}

/// What a code is: the bits that it takes, with the extra bits behind it, and of which kind it is. Neither is the block's end.
const WIDTH: u8 = 0x1f;
const PLAIN: u8 = 0x20;
const MATCH: u8 = 0x40;

/// A Huffman code: by as many of the next bits as the longest code has, what the first of them is. 0: no code.
struct Table(Vec<u8>);

impl Table {
    /// Of the length of each symbol's code, and what the symbol is, but for its width.
    fn new(lengths: &[u8], of: impl Fn(usize) -> u8) -> Self {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut steps = vec![0; 1 << longest];
        for (symbol, length, code) in canonical(lengths) {
            let step = of(symbol) + length;
            steps[code..].iter_mut().step_by(1 << length).for_each(|place| *place = step);
        }
        Table(steps)
    }

    #[inline(always)]
    fn step(&self, bits: u64) -> u8 {
        // The length is a power of two.
        self.0[bits as usize & (self.0.len() - 1)]
    }
}

/// 3.2.2: each symbol that has a code, its length, and the code as it stands in the stream, its first bit the least significant.
fn canonical(lengths: &[u8]) -> impl Iterator<Item = (usize, u8, usize)> {
    let mut next = [0_u16; 17];
    for length in 1..16 {
        let shorter = lengths.iter().filter(|l| usize::from(**l) == length).count() as u16;
        next[length + 1] = next[length].wrapping_add(shorter) << 1;
    }
    let coded = lengths.iter().enumerate().filter(|(_, length)| **length > 0);
    coded.map(move |(symbol, length)| {
        let code = &mut next[usize::from(*length)];
        let reversed = code.reverse_bits() >> (16 - length);
        *code = code.wrapping_add(1);
        (symbol, *length, reversed.into())
    })
}

/// The two codes of a block: of literals and lengths, of distances.
struct Codes {
    literals: Table,
    distances: Table,
}

impl Codes {
    fn new(literals: &[u8], distances: &[u8]) -> Self {
        // 3.2.5: the extra bits behind a length, and behind a distance.
        let literal = |symbol| match symbol {
            0..256 => PLAIN,
            256 => 0,
            257..265 | 285 => MATCH,
            _ => MATCH + (symbol - 261) as u8 / 4,
        };
        let distance = |symbol: usize| (symbol / 2).saturating_sub(1) as u8;
        Codes { literals: Table::new(literals, literal), distances: Table::new(distances, distance) }
    }

    /// 3.2.6
    fn fixed() -> Self {
        let mut literals = [8; 288];
        literals[144..256].fill(9);
        literals[256..280].fill(7);
        Codes::new(&literals, &[5; 30])
    }
}
