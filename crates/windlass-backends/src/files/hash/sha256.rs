//! SHA-256 of two texts side by side.
//!
//! One round of SHA-256 needs the one before it, so a processor with instructions for it waits most of the time: two texts whose rounds
//! take turns are hashed in hardly more time than one. FIPS 180-4 is what is computed, `sha2` what it is where a processor has no such
//! instructions.

use multiversion::multiversion;
use multiversion::target::match_target;
use sha2::digest::generic_array::GenericArray;

/// What is hashed at a time, in bytes.
pub(super) const BLOCK: usize = 64;
/// The most that [`padding`] adds to a text, in bytes.
pub(super) const MOST_PADDING: usize = BLOCK + 8;
/// Where the length of a text stands in its last block.
const LENGTH_AT: usize = BLOCK - 8;

/// Where the hash of one text is, as its eight words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State([u32; 8]);

impl State {
    /// Before the first block.
    pub(super) const START: Self = Self([
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]);

    /// Takes in some blocks.
    pub(super) fn update(&mut self, blocks: &[[u8; BLOCK]]) {
        [self.0] = compress([self.0], [blocks]);
    }

    /// Takes in as many blocks of `texts` as both have, each into the state at its place, and returns how many these were.
    pub(super) fn update_both(states: [&mut Self; 2], texts: [&[[u8; BLOCK]]; 2]) -> usize {
        let count = texts[0].len().min(texts[1].len());
        let [one, other] = states;
        [one.0, other.0] = compress([one.0, other.0], texts.map(|blocks| &blocks[..count]));
        count
    }

    /// Returns the digest, after the last block.
    pub(super) fn digest(self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.0) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

/// Returns what has to follow a text of `length` bytes: with it, the text is whole blocks.
pub(super) fn padding(length: u64) -> impl Iterator<Item = u8> {
    let used = usize::try_from(length % BLOCK as u64).expect("less than a block");
    let zeros = (LENGTH_AT + BLOCK - 1 - used) % BLOCK;
    std::iter::once(0x80)
        .chain(std::iter::repeat_n(0, zeros))
        .chain((length * 8).to_be_bytes())
}

#[multiversion(targets("x86_64+sha+sse2+ssse3+sse4.1"))]
fn compress<const N: usize>(states: [[u32; 8]; N], blocks: [&[[u8; BLOCK]]; N]) -> [[u32; 8]; N] {
    match_target! {
        "x86_64+sha+sse2+ssse3+sse4.1" => x86::compress(states, blocks),
        _ => compress_each(states, blocks),
    }
}

/// Takes in the blocks of one text after the other, as any processor can.
fn compress_each<const N: usize>(
    mut states: [[u32; 8]; N],
    blocks: [&[[u8; BLOCK]]; N],
) -> [[u32; 8]; N] {
    for (state, blocks) in states.iter_mut().zip(blocks) {
        for block in blocks {
            sha2::compress256(state, &[*GenericArray::from_slice(block)]);
        }
    }
    states
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! With the SHA extensions of x86. Names are those of Intel's manual: the state is kept as the words ABEF and CDGH, and a message is
    //! 64 words, of which four are at hand in each of four registers.

    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi8, _mm_set_epi64x,
        _mm_setr_epi32, _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
        _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::BLOCK;

    /// The constants of the 64 rounds, four to a register.
    #[rustfmt::skip]
    const ROUNDS: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// Takes in the blocks of all texts, which are equally many. The rounds of the texts take turns: that is all that makes it fast, so
    /// the loops over `N` are innermost, and those over rounds are written out for registers to stay registers.
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    pub(super) fn compress<const N: usize>(
        states: [[u32; 8]; N],
        blocks: [&[[u8; BLOCK]]; N],
    ) -> [[u32; 8]; N] {
        let mut abef = [_mm_setzero_si128(); N];
        let mut cdgh = [_mm_setzero_si128(); N];
        for text in 0..N {
            let state = states[text].map(u32::cast_signed);
            abef[text] = _mm_setr_epi32(state[5], state[4], state[1], state[0]);
            cdgh[text] = _mm_setr_epi32(state[7], state[6], state[3], state[2]);
        }
        for at in 0..blocks[0].len() {
            let block = blocks.map(|text| &text[at]);
            let (abef_before, cdgh_before) = (abef, cdgh);
            let mut words = [[_mm_setzero_si128(); N]; 4];
            for text in 0..N {
                for (four, words) in words.iter_mut().enumerate() {
                    words[text] = load(block[text], four);
                }
            }
            macro_rules! rounds {
                ($four:literal of $rounds:expr) => {
                    let constants = constants($rounds);
                    let mut sums = [_mm_setzero_si128(); N];
                    for text in 0..N {
                        sums[text] = _mm_add_epi32(words[$four][text], constants);
                    }
                    for text in 0..N {
                        cdgh[text] = _mm_sha256rnds2_epu32(cdgh[text], abef[text], sums[text]);
                    }
                    for text in 0..N {
                        let high = _mm_shuffle_epi32(sums[text], 0x0e);
                        abef[text] = _mm_sha256rnds2_epu32(abef[text], cdgh[text], high);
                    }
                };
            }
            macro_rules! schedule {
                ($four:literal from $second:literal $third:literal $fourth:literal) => {
                    for text in 0..N {
                        words[$four][text] = schedule(
                            words[$four][text],
                            words[$second][text],
                            words[$third][text],
                            words[$fourth][text],
                        );
                    }
                };
            }
            rounds!(0 of 0);
            rounds!(1 of 1);
            rounds!(2 of 2);
            rounds!(3 of 3);
            for sixteen in 1..4 {
                schedule!(0 from 1 2 3);
                rounds!(0 of 4 * sixteen);
                schedule!(1 from 2 3 0);
                rounds!(1 of 4 * sixteen + 1);
                schedule!(2 from 3 0 1);
                rounds!(2 of 4 * sixteen + 2);
                schedule!(3 from 0 1 2);
                rounds!(3 of 4 * sixteen + 3);
            }
            for text in 0..N {
                abef[text] = _mm_add_epi32(abef[text], abef_before[text]);
                cdgh[text] = _mm_add_epi32(cdgh[text], cdgh_before[text]);
            }
        }
        std::array::from_fn(|text| {
            let [f, e, ab @ ..] = words_of(abef[text]);
            let [h, g, cd @ ..] = words_of(cdgh[text]);
            [ab[1], ab[0], cd[1], cd[0], e, f, g, h]
        })
    }

    /// Returns the four words at `four` of a block, which are big-endian there.
    #[inline]
    #[target_feature(enable = "sse2,ssse3")]
    fn load(block: &[u8; BLOCK], four: usize) -> __m128i {
        let half = |at: usize| {
            let at = 16 * four + 8 * at;
            i64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"))
        };
        let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
        _mm_shuffle_epi8(_mm_set_epi64x(half(1), half(0)), swap)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn constants(rounds: usize) -> __m128i {
        let [a, b, c, d] = ROUNDS[rounds].map(u32::cast_signed);
        _mm_setr_epi32(a, b, c, d)
    }

    /// Returns the four words of the message that follow these sixteen.
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3")]
    fn schedule(first: __m128i, second: __m128i, third: __m128i, fourth: __m128i) -> __m128i {
        let sum = _mm_add_epi32(
            _mm_sha256msg1_epu32(first, second),
            _mm_alignr_epi8(fourth, third, 4),
        );
        _mm_sha256msg2_epu32(sum, fourth)
    }

    #[inline]
    #[target_feature(enable = "sse2,sse4.1")]
    fn words_of(register: __m128i) -> [u32; 4] {
        [
            _mm_extract_epi32(register, 0),
            _mm_extract_epi32(register, 1),
            _mm_extract_epi32(register, 2),
            _mm_extract_epi32(register, 3),
        ]
        .map(i32::cast_unsigned)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn text(length: usize, seed: u8) -> Vec<u8> {
        (0..=u8::MAX)
            .cycle()
            .map(|byte| byte.wrapping_mul(31).wrapping_add(seed))
            .take(length)
            .collect()
    }

    fn padded(text: &[u8]) -> Vec<u8> {
        let mut padded = text.to_vec();
        padded.extend(padding(text.len() as u64));
        assert_eq!(padded.len() % BLOCK, 0, "{}", text.len());
        assert!(padded.len() - text.len() <= MOST_PADDING);
        padded
    }

    fn expected(text: &[u8]) -> [u8; 32] {
        Sha256::digest(text).into()
    }

    #[test]
    fn one_text_is_hashed_as_sha2_does_it() {
        for length in 0..400 {
            let text = text(length, 7);
            let mut state = State::START;
            state.update(padded(&text).as_chunks().0);
            assert_eq!(state.digest(), expected(&text), "{length} bytes");
        }
    }

    #[test]
    fn two_texts_do_not_mix() {
        for (first, second) in [(0, 0), (0, 300), (300, 0), (129, 4096), (4096, 129)] {
            let texts = [text(first, 1), text(second, 200)];
            let [one, two] = texts.each_ref().map(|text| padded(text));
            let (one, two) = (one.as_chunks().0, two.as_chunks().0);
            let (mut left, mut right) = (State::START, State::START);
            let count = State::update_both([&mut left, &mut right], [one, two]);
            assert_eq!(count, one.len().min(two.len()));
            left.update(&one[count..]);
            right.update(&two[count..]);
            assert_eq!(left.digest(), expected(&texts[0]), "{first} and {second}");
            assert_eq!(right.digest(), expected(&texts[1]), "{first} and {second}");
        }
    }

    #[test]
    fn a_processor_without_the_instructions_gets_the_same() {
        let texts = [text(1000, 3), text(1000, 4)];
        let [one, two] = texts.each_ref().map(|text| padded(text));
        let states = compress_each([State::START.0; 2], [one.as_chunks().0, two.as_chunks().0]);
        for (state, text) in states.into_iter().zip(&texts) {
            assert_eq!(State(state).digest(), expected(text));
        }
    }
}
