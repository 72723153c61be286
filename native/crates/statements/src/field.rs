//! Numbers of the scalar field of BN254 as bytes, and the tags that separate one use of a hash from another.

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, PrimeField};

/// The number of 32 bytes big-endian, when it is below r.
pub fn read(bytes: &[u8; 32]) -> Option<Fr> {
    Fr::from_bigint(read_limbs(bytes))
}

/// The number as 32 bytes big-endian.
pub fn write(number: &Fr) -> [u8; 32] {
    write_limbs(number.into_bigint())
}

/// An integer below 2^256 as 32 bytes big-endian.
pub fn write_limbs(number: BigInt<4>) -> [u8; 32] {
    let bytes = number.to_bytes_be();
    bytes.try_into().expect("four limbs are 32 bytes")
}

/// The integer of 32 bytes big-endian.
pub fn read_limbs(bytes: &[u8; 32]) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, part) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = part.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    BigInt(limbs)
}

/// Bit `i` of the number, counted from the lowest.
pub fn bit(number: &Fr, i: usize) -> bool {
    number.into_bigint().get_bit(i)
}

/// Whether the number is below 2^n.
pub fn fits(number: &Fr, n: usize) -> bool {
    number.into_bigint().num_bits() as usize <= n
}

/// 2^n.
pub fn power_of_two(n: usize) -> Fr {
    let mut limbs = [0u64; 4];
    limbs[n / 64] = 1 << (n % 64);
    Fr::from_bigint(BigInt(limbs)).expect("only powers below r are asked for")
}

/// `TAG(name)`: the ASCII bytes of `bitvm3/<name>/1` as a big-endian number. `name` has at most 22 letters.
pub fn tag(name: &str) -> Fr {
    let text = format!("bitvm3/{name}/1");
    assert!(text.is_ascii() && text.len() <= 31, "a tag is below 2^248");
    Fr::from_be_bytes_mod_order(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;

    #[test]
    fn r_and_what_is_above_is_refused() {
        let mut bytes = write(&-Fr::ONE);
        assert_eq!(read(&bytes), Some(-Fr::ONE));
        bytes[31] += 1;
        assert_eq!(read(&bytes), None);
        assert_eq!(read(&[0xff; 32]), None);
        assert_eq!(read(&[0; 32]), Some(Fr::from(0)));
    }

    #[test]
    fn tags_are_their_bytes() {
        let mut bytes = [0; 32];
        bytes[32 - b"bitvm3/id/1".len()..].copy_from_slice(b"bitvm3/id/1");
        assert_eq!(write(&tag("id")), bytes);
    }

    #[test]
    fn bits_and_powers() {
        assert_eq!(power_of_two(200), Fr::from(2).pow([200]));
        assert!(bit(&power_of_two(77), 77) && !bit(&power_of_two(77), 76));
    }
}
