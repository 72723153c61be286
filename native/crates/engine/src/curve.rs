//! Batches of points of secp256k1: many affine additions for one inversion, and sums of multiples for checks.
//!
//! libsecp256k1 does everything single. What is here exists because an engine adds hundreds of thousands of pairs and
//! checks sums of hundreds of points. [`sum_of_multiples`] is for public numbers only.

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
pub(crate) fn to_affine(points: &[Jacobian]) -> Vec<Affine> {
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
pub(crate) fn add_pairs_body(sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize> {
    let mut scratch = Vec::with_capacity(sums.len());
    add_pairs_with(&mut scratch, sums, terms)
}

/// The same with memory for the differences of x and their running product.
#[inline(always)]
pub(crate) fn add_pairs_with(
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
pub(crate) use dispatch;

dispatch!(add_pairs_any, add_pairs_fast, add_pairs_body,
    (sums: &mut [Affine], terms: &[Affine]) -> Result<(), usize>);
dispatch!(sum_any, sum_fast, sum_body, (points: &[Affine], scalars: &[Scalar], bits: usize) -> Jacobian);
dispatch!(parse_any, parse_fast, parse_body, (bytes: &[[u8; 33]]) -> Result<Vec<Affine>, usize>);

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
    let mut all = [Jacobian::INFINITY; 64];
    let buckets = &mut all[..1 << width];
    for window in (0..bits.div_ceil(width)).rev() {
        for _ in 0..width {
            total = total.double();
        }
        let (limb, shift) = (window * width / 64, window * width % 64);
        buckets.fill(Jacobian::INFINITY);
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
        for bucket in buckets[1..].iter().rev() {
            running = running.add(bucket);
            total = total.add(&running);
        }
    }
    total
}

#[cfg(test)]
pub(crate) mod tests;
