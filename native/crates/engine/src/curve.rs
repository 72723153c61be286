//! Batches of points of secp256k1: many affine additions for one inversion, a windowed table for one base and many secret
//! scalars, and sums of multiples for checks.
//!
//! libsecp256k1 does everything single. What is here exists because an engine multiplies one base by hundreds of
//! scalars and adds hundreds of thousands of pairs. [`Table::multiply`] takes secret scalars: its memory accesses and
//! branches do not depend on them. [`sum_of_multiples`] is for public numbers only.

use crate::field::Fe;
use crate::scalar::Scalar;

/// A point that is not infinity. Coordinates may stand unreduced.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

impl Affine {
    pub(crate) const GENERATOR: Self = Self {
        x: Fe([
            0x59f2_815b_16f8_1798,
            0x029b_fcdb_2dce_28d9,
            0x55a0_6295_ce87_0b07,
            0x79be_667e_f9dc_bbac,
        ]),
        y: Fe([
            0x9c47_d08f_fb10_d4b8,
            0xfd17_b448_a685_5419,
            0x5da4_fbfc_0e11_08a8,
            0x483a_da77_26a3_c465,
        ]),
    };

    /// Reads 33 bytes, compressed; none when they are no point.
    #[inline(always)]
    pub(crate) fn parse(bytes: &[u8; 33]) -> Option<Self> {
        let odd = match bytes[0] {
            2 => false,
            3 => true,
            _ => return None,
        };
        let mut x = [0; 32];
        x.copy_from_slice(&bytes[1..]);
        let x = Fe::parse(&x)?;
        let y = x.square().mul(x).add(Fe([7, 0, 0, 0])).sqrt()?;
        let y = if y.is_odd() == odd { y } else { y.neg() };
        Some(Self { x, y })
    }

    pub(crate) fn to_bytes(self) -> [u8; 33] {
        let mut bytes = [0; 33];
        bytes[0] = 2 + u8::from(self.y.is_odd());
        bytes[1..].copy_from_slice(&self.x.to_bytes());
        bytes
    }

    pub(crate) fn neg(self) -> Self {
        Self {
            x: self.x,
            y: self.y.neg(),
        }
    }
}

/// A point in Jacobian coordinates; infinity has z = 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian {
    x: Fe,
    y: Fe,
    z: Fe,
}

impl From<Affine> for Jacobian {
    fn from(point: Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
        }
    }
}

impl Jacobian {
    pub(crate) const INFINITY: Self = Self {
        x: Fe::ONE,
        y: Fe::ONE,
        z: Fe::ZERO,
    };

    pub(crate) fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    #[inline(always)]
    pub(crate) fn double(&self) -> Self {
        let a = self.x.square();
        let b = self.y.square();
        let c = b.square();
        let d = self.x.add(b).square().sub(a).sub(c).double();
        let e = a.double().add(a);
        let x = e.square().sub(d.double());
        let c8 = c.double().double().double();
        Self {
            x,
            y: e.mul(d.sub(x)).sub(c8),
            z: self.y.mul(self.z).double(),
        }
    }

    #[inline(always)]
    pub(crate) fn add_affine(&self, other: &Affine) -> Self {
        if self.is_infinity() {
            return (*other).into();
        }
        let zz = self.z.square();
        let u = other.x.mul(zz);
        let s = other.y.mul(self.z).mul(zz);
        self.finish_add(u, s, self.x, self.y, self.z)
    }

    #[inline(always)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let (zz1, zz2) = (self.z.square(), other.z.square());
        let u1 = self.x.mul(zz2);
        let s1 = self.y.mul(other.z).mul(zz2);
        let u2 = other.x.mul(zz1);
        let s2 = other.y.mul(self.z).mul(zz1);
        self.finish_add(u2, s2, u1, s1, self.z.mul(other.z))
    }

    #[inline(always)]
    fn finish_add(&self, u2: Fe, s2: Fe, u1: Fe, s1: Fe, z: Fe) -> Self {
        let h = u2.sub(u1);
        let r = s2.sub(s1);
        if h.is_zero() {
            return if r.is_zero() {
                self.double()
            } else {
                Self::INFINITY
            };
        }
        let hh = h.square();
        let hhh = h.mul(hh);
        let v = u1.mul(hh);
        let x = r.square().sub(hhh).sub(v.double());
        Self {
            x,
            y: r.mul(v.sub(x)).sub(s1.mul(hhh)),
            z: z.mul(h),
        }
    }
}

/// All points in affine form, for one inversion. None of them may be infinity.
#[inline(always)]
fn to_affine(points: &[Jacobian]) -> Vec<Affine> {
    let mut products = Vec::with_capacity(points.len());
    let mut product = Fe::ONE;
    for point in points {
        products.push(product);
        product = product.mul(point.z);
    }
    let mut inverse = product.invert();
    let mut affine = vec![Affine::default(); points.len()];
    for (n, point) in points.iter().enumerate().rev() {
        let z = inverse.mul(products[n]);
        inverse = inverse.mul(point.z);
        let zz = z.square();
        affine[n] = Affine {
            x: point.x.mul(zz),
            y: point.y.mul(zz).mul(z),
        };
    }
    affine
}

/// One point in affine form; none of infinity.
pub(crate) fn affine(point: &Jacobian) -> Option<Affine> {
    (!point.is_infinity()).then(|| to_affine(std::slice::from_ref(point))[0])
}

/// sums[n] += terms[n] for all n, for one inversion. Err(n): that sum is infinity; sums are then worthless.
#[inline(always)]
fn add_pairs_body(sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize> {
    let mut scratch = Vec::with_capacity(sums.len());
    add_pairs_with(&mut scratch, sums, terms)
}

/// The same with memory for the differences of x and their running product.
#[inline(always)]
fn add_pairs_with(
    scratch: &mut Vec<(Fe, Fe)>,
    sums: &mut [Affine],
    terms: &[Affine],
) -> Result<(), usize> {
    scratch.clear();
    let mut product = Fe::ONE;
    for (sum, term) in sums.iter().zip(terms) {
        let across = term.x.sub(sum.x);
        scratch.push((across, product));
        product = product.mul(across);
    }
    if product.is_zero() {
        // equal x never happens among honest points; only a hostile pair comes here
        return add_pairs_singly(sums, terms);
    }
    let mut inverse = product.invert();
    for ((sum, term), (across, before)) in sums.iter_mut().zip(terms).zip(scratch.iter()).rev() {
        let slope = term.y.sub(sum.y).mul(inverse.mul(*before));
        inverse = inverse.mul(*across);
        let x = slope.square().sub(sum.x).sub(term.x);
        sum.y = slope.mul(sum.x.sub(x)).sub(sum.y);
        sum.x = x;
    }
    Ok(())
}

/// The same one by one, for pairs that may be equal or opposite.
#[inline(never)]
fn add_pairs_singly(sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize> {
    for (n, (sum, term)) in sums.iter_mut().zip(terms).enumerate() {
        *sum = affine(&Jacobian::from(*sum).add_affine(term)).ok_or(n)?;
    }
    Ok(())
}

const WINDOW: usize = 5;
const WINDOWS: usize = 52;
const ENTRIES: usize = 1 << (WINDOW - 1);

/// Odd multiples (2k + 1) * 2^(5j) of one base, j < 52, k < 16.
pub(crate) struct Table(Vec<[Affine; ENTRIES]>);

/// What turns a scalar s into v with s = sum over 260 bits of (2 v_i - 1) 2^i, so that every window's digit is odd and
/// none needs a branch: v = (s + 2^260 - 1) / 2.
fn recoding_offset() -> Scalar {
    let power = (0..WINDOW * WINDOWS).fold(Scalar::ONE, |x, _| x.add(x));
    power.sub(Scalar::ONE)
}

#[inline(always)]
fn table_body(base: &Affine) -> Table {
    let mut powers = Vec::with_capacity(WINDOWS * WINDOW);
    let mut power = Jacobian::from(*base);
    for _ in 0..WINDOWS * WINDOW {
        powers.push(power);
        power = power.double();
    }
    let powers = to_affine(&powers);
    let mut entries: Vec<Affine> = powers.iter().copied().step_by(WINDOW).collect();
    // entries k + 2^(m-1) = entry k + 2^m * base, for m = 1..4
    for m in 1..WINDOW {
        let count = entries.len() / WINDOWS;
        let mut upper = entries.clone();
        let mut terms = Vec::with_capacity(upper.len());
        for window in 0..WINDOWS {
            terms.extend(std::iter::repeat_n(powers[window * WINDOW + m], count));
        }
        // odd multiples below 2^5 of a point of large prime order: never equal, never infinity
        let added = add_pairs_body(&mut upper, &terms);
        debug_assert!(added.is_ok());
        let pairs = entries.chunks(count).zip(upper.chunks(count));
        entries = pairs.flat_map(|(low, high)| [low, high].concat()).collect();
    }
    let (rows, _) = entries.as_chunks::<ENTRIES>();
    Table(rows.to_vec())
}

/// Entry of the window's digit (5 bits), reading the whole row.
#[inline(always)]
fn look_up(row: &[Affine; ENTRIES], digit: u64) -> Affine {
    let positive = digit >> (WINDOW - 1); // digit d stands for 2d - 31
    let index = (digit ^ positive.wrapping_sub(1)) & (ENTRIES as u64 - 1);
    let mut found = [0u64; 8];
    for (k, entry) in row.iter().enumerate() {
        let mask = 0u64.wrapping_sub(((k as u64 ^ index).wrapping_sub(1)) >> 63);
        for n in 0..4 {
            found[n] |= entry.x.0[n] & mask;
            found[4 + n] |= entry.y.0[n] & mask;
        }
    }
    let x = Fe([found[0], found[1], found[2], found[3]]);
    let y = Fe([found[4], found[5], found[6], found[7]]);
    Affine {
        x,
        y: Fe::select(positive, y, y.neg()),
    }
}

#[inline(always)]
fn multiply_body(table: &Table, scalars: &[Scalar]) -> Result<Vec<Affine>, usize> {
    let offset = recoding_offset();
    let digits: Vec<[u8; WINDOWS]> = scalars
        .iter()
        .map(|scalar| {
            let v = scalar.add(offset).mul(Scalar::HALF).0;
            std::array::from_fn(|window| {
                let (limb, shift) = (window * WINDOW / 64, window * WINDOW % 64);
                let low = v.get(limb).map_or(0, |word| word >> shift);
                let high = match v.get(limb + 1) {
                    Some(word) if shift > 64 - WINDOW => word << (64 - shift),
                    _ => 0,
                };
                ((low | high) & 31) as u8
            })
        })
        .collect();
    let digits = zeroize::Zeroizing::new(digits);
    let mut terms = vec![Affine::default(); scalars.len()];
    let mut scratch = Vec::with_capacity(scalars.len());
    let mut sums = Vec::new();
    for (window, row) in table.0.iter().enumerate() {
        for (term, digits) in terms.iter_mut().zip(digits.iter()) {
            *term = look_up(row, u64::from(digits[window]));
        }
        if window == 0 {
            sums = terms.clone();
        } else {
            add_pairs_with(&mut scratch, &mut sums, &terms)?;
        }
    }
    Ok(sums)
}

/// The same code compiled twice: for every processor, and with wider multiplication and registers.
macro_rules! dispatch {
    ($name:ident, $fast:ident, $body:ident, ($($arg:ident: $type:ty),*) -> $result:ty) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi2,adx")]
        fn $fast($($arg: $type),*) -> $result {
            $body($($arg),*)
        }

        fn $name($($arg: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("bmi2")
                && std::arch::is_x86_feature_detected!("adx")
            {
                // SAFETY: the features were asked for in the lines before.
                return unsafe { $fast($($arg),*) };
            }
            $body($($arg),*)
        }
    };
}

dispatch!(table_of, table_of_fast, table_body, (base: &Affine) -> Table);
dispatch!(multiply_all, multiply_all_fast, multiply_body,
    (table: &Table, scalars: &[Scalar]) -> Result<Vec<Affine>, usize>);
dispatch!(add_pairs_any, add_pairs_fast, add_pairs_body,
    (sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize>);
dispatch!(sum_any, sum_fast, sum_body, (points: &[Affine], scalars: &[Scalar], bits: usize) -> Jacobian);
dispatch!(parse_any, parse_fast, parse_body, (bytes: &[[u8; 33]]) -> Result<Vec<Affine>, usize>);

impl Table {
    pub(crate) fn new(base: &Affine) -> Self {
        table_of(base)
    }

    /// The base times each scalar. Err(n): product n met infinity on its way (chance 2^-250, or scalar zero).
    pub(crate) fn multiply(&self, scalars: &[Scalar]) -> Result<Vec<Affine>, usize> {
        multiply_all(self, scalars)
    }
}

/// sums[n] += terms[n]. Err(n): that sum is infinity.
pub(crate) fn add_pairs(sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize> {
    add_pairs_any(sums, terms)
}

/// Reads compressed points. Err(n): the n-th is none.
pub(crate) fn parse_points(bytes: &[[u8; 33]]) -> Result<Vec<Affine>, usize> {
    parse_any(bytes)
}

#[inline(always)]
fn parse_body(bytes: &[[u8; 33]]) -> Result<Vec<Affine>, usize> {
    let read = |(n, point)| Affine::parse(point).ok_or(n);
    bytes.iter().enumerate().map(read).collect()
}

/// The sum of scalars[n] * points[n]; all scalars are below 2^bits and public.
pub(crate) fn sum_of_multiples(points: &[Affine], scalars: &[Scalar], bits: usize) -> Jacobian {
    sum_any(points, scalars, bits)
}

/// Pippenger's buckets, one window after the other from the top.
#[inline(always)]
fn sum_body(points: &[Affine], scalars: &[Scalar], bits: usize) -> Jacobian {
    let width = match points.len() {
        0..4 => 1,
        4..24 => 3,
        24..160 => 5,
        _ => 6,
    };
    let mut total = Jacobian::INFINITY;
    for window in (0..bits.div_ceil(width)).rev() {
        for _ in 0..width {
            total = total.double();
        }
        let (limb, shift) = (window * width / 64, window * width % 64);
        let mut buckets = [Jacobian::INFINITY; 64];
        for (point, scalar) in points.iter().zip(scalars) {
            let mut digit = scalar.0[limb] >> shift;
            if shift + width > 64 && limb < 3 {
                digit |= scalar.0[limb + 1] << (64 - shift);
            }
            let digit = digit as usize & ((1 << width) - 1);
            if digit > 0 {
                buckets[digit] = buckets[digit].add_affine(point);
            }
        }
        let mut running = Jacobian::INFINITY;
        for bucket in buckets[1..1 << width].iter().rev() {
            running = running.add(bucket);
            total = total.add(&running);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use secp256k1::{PublicKey, SECP256K1, SecretKey};

    fn scalar(n: usize) -> Scalar {
        let mut bytes = [0; 64];
        let mut stream = blake3::Hasher::new()
            .update(&n.to_le_bytes())
            .finalize_xof();
        stream.fill(&mut bytes);
        Scalar::from_wide(&bytes)
    }

    fn point(n: usize) -> PublicKey {
        let key = SecretKey::from_byte_array(scalar(n).to_bytes()).unwrap();
        PublicKey::from_secret_key(SECP256K1, &key)
    }

    fn ours(point: &PublicKey) -> Affine {
        Affine::parse(&point.serialize()).unwrap()
    }

    fn multiple(point: &PublicKey, scalar: Scalar) -> PublicKey {
        let tweak = secp256k1::Scalar::from_be_bytes(scalar.to_bytes()).unwrap();
        point.mul_tweak(SECP256K1, &tweak).unwrap()
    }

    #[test]
    fn points_are_read_and_written_as_libsecp256k1_does() {
        assert_eq!(
            Affine::GENERATOR.to_bytes(),
            multiple(&point(1), scalar(1).invert()).serialize()
        );
        for n in 0..50 {
            let bytes = point(n).serialize();
            assert_eq!(Affine::parse(&bytes).unwrap().to_bytes(), bytes);
            for prefix in [0, 1, 4, 6] {
                let mut wrong = bytes;
                wrong[0] = prefix;
                assert!(Affine::parse(&wrong).is_none());
            }
        }
        for n in 0..200u32 {
            let mut bytes = [2; 33];
            bytes[1..].copy_from_slice(blake3::hash(&n.to_le_bytes()).as_bytes());
            let known = PublicKey::from_slice(&bytes).is_ok();
            assert_eq!(Affine::parse(&bytes).is_some(), known);
        }
        let mut above = [0xff; 33];
        above[0] = 2;
        assert!(Affine::parse(&above).is_none());
    }

    #[test]
    fn the_table_multiplies_as_libsecp256k1_does() {
        let base = point(3);
        let table = Table::new(&ours(&base));
        let mut scalars: Vec<_> = (10..60).map(scalar).collect();
        scalars.extend([Scalar::ONE, Scalar::ONE.neg(), Scalar::from_index(2)]);
        let products = table.multiply(&scalars).unwrap();
        for (scalar, product) in scalars.iter().zip(products) {
            assert_eq!(product.to_bytes(), multiple(&base, *scalar).serialize());
        }
        let plain = multiply_body(&table_body(&ours(&base)), &scalars[..3]).unwrap();
        for (scalar, product) in scalars.iter().zip(plain) {
            assert_eq!(product.to_bytes(), multiple(&base, *scalar).serialize());
        }
    }

    #[test]
    fn pairs_add_also_when_they_are_equal_or_opposite() {
        let mut sums: Vec<_> = (0..20).map(|n| ours(&point(n))).collect();
        let mut terms: Vec<_> = (20..40).map(|n| ours(&point(n))).collect();
        terms[5] = sums[5];
        add_pairs(&mut sums, &terms).unwrap();
        for (n, sum) in sums.iter().enumerate() {
            let other = if n == 5 { 5 } else { n + 20 };
            let known = point(n).combine(&point(other)).unwrap();
            assert_eq!(sum.to_bytes(), known.serialize());
        }
        let mut sums: Vec<_> = (0..20).map(|n| ours(&point(n))).collect();
        terms[7] = sums[7].neg();
        assert_eq!(add_pairs(&mut sums, &terms), Err(7));
    }

    #[test]
    fn sums_of_multiples_agree_with_libsecp256k1() {
        for count in [1, 2, 5, 30, 200] {
            let points: Vec<_> = (0..count).map(point).collect();
            let scalars: Vec<_> = (500..500 + count).map(scalar).collect();
            let products: Vec<_> = points
                .iter()
                .zip(&scalars)
                .map(|(point, scalar)| multiple(point, *scalar))
                .collect();
            let known = PublicKey::combine_keys(&products.iter().collect::<Vec<_>>()).unwrap();
            let points: Vec<_> = points.iter().map(ours).collect();
            let sum = affine(&sum_of_multiples(&points, &scalars, 256)).unwrap();
            assert_eq!(sum.to_bytes(), known.serialize());
        }
        let points = [ours(&point(1)), ours(&point(1)).neg()];
        assert!(sum_of_multiples(&points, &[scalar(1); 2], 256).is_infinity());
        assert!(sum_of_multiples(&[ours(&point(1)); 3], &[Scalar::ZERO; 3], 256).is_infinity());
    }
}
