//! Eight powers with one exponent.

use ark_bn254::Fq;

use super::lanes::{Eight, lowered, raised};

/// x^exponent of each x, four bits of the exponent at a time.
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn powers(x: &[Fq; 8], exponent: &[u64; 4]) -> [Fq; 8] {
    let limbs = x.map(raised);
    let x = Eight::load(&std::array::from_fn(|i| limbs.map(|limbs| limbs[i])));
    let one = Eight::load(&raised(Fq::from(1)).map(|limb| [limb; 8]));
    let mut table = [one; 16];
    for n in 1..16 {
        table[n] = table[n - 1].times(&x);
    }
    let mut power = one;
    for nibble in (0..64).rev() {
        for _ in 0..4 {
            power = power.times(&power);
        }
        let digit = exponent[nibble / 16] >> (nibble % 16 * 4) & 15;
        power = power.times(&table[digit as usize]);
    }
    let words = power.store();
    std::array::from_fn(|lane| lowered(words.map(|words| words[lane])))
}
