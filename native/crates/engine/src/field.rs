//! The field of secp256k1, p = 2^256 - 2^32 - 977, for batches that the curve library has no call for.
//!
//! Four 64-bit limbs, least significant first, any value below 2^256 (reduced only to be written or compared). No
//! branch and no memory access depends on a value, except where a name says so. Checked against libsecp256k1 in tests.

const C: u64 = 0x1_0000_03d1; // 2^256 - p

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fe(pub(crate) [u64; 4]);

/// acc + a * b + carry as (low, high); it cannot overflow.
#[inline(always)]
pub(crate) fn mac(acc: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a)
        .wrapping_mul(u128::from(b))
        .wrapping_add(u128::from(acc))
        .wrapping_add(u128::from(carry));
    (wide as u64, (wide >> 64) as u64)
}

#[inline(always)]
pub(crate) fn adc(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a)
        .wrapping_add(u128::from(b))
        .wrapping_add(u128::from(carry));
    (wide as u64, (wide >> 64) as u64)
}

#[inline(always)]
pub(crate) fn sbb(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let wide = u128::from(a)
        .wrapping_sub(u128::from(b))
        .wrapping_sub(u128::from(borrow));
    (wide as u64, (wide >> 64) as u64 & 1)
}

/// The product of two numbers of 256 bits.
#[inline(always)]
pub(crate) fn wide_mul(a: &[u64; 4], b: &[u64; 4]) -> [u64; 8] {
    let mut r = [0u64; 8];
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            (r[i + j], carry) = mac(r[i + j], a[i], b[j], carry);
        }
        r[i + 4] = carry;
    }
    r
}

pub(crate) fn limbs_from_be(bytes: &[u8; 32]) -> [u64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    [3, 2, 1, 0].map(|n| u64::from_be_bytes(words[n]))
}

pub(crate) fn limbs_to_be(limbs: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (n, limb) in limbs.iter().rev().enumerate() {
        bytes[n * 8..n * 8 + 8].copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

impl Fe {
    pub(crate) const ZERO: Self = Self([0; 4]);
    pub(crate) const ONE: Self = Self([1, 0, 0, 0]);

    /// Reads 32 bytes, big-endian; none when not below p.
    pub(crate) fn parse(bytes: &[u8; 32]) -> Option<Self> {
        let value = Self(limbs_from_be(bytes));
        (value.reduced().0 == value.0).then_some(value)
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        limbs_to_be(&self.reduced().0)
    }

    /// The representative below p.
    #[inline(always)]
    pub(crate) fn reduced(self) -> Self {
        // adding 2^256 - p carries out exactly when the value is p or more
        let a = self.0;
        let (s0, c) = adc(a[0], C, 0);
        let (s1, c) = adc(a[1], 0, c);
        let (s2, c) = adc(a[2], 0, c);
        let (s3, c) = adc(a[3], 0, c);
        Self::select(c, Self([s0, s1, s2, s3]), self)
    }

    /// `a` when `bit` is one, `b` when it is zero.
    #[inline(always)]
    pub(crate) fn select(bit: u64, a: Self, b: Self) -> Self {
        let mask = 0u64.wrapping_sub(bit);
        Self(std::array::from_fn(|n| (a.0[n] & mask) | (b.0[n] & !mask)))
    }

    #[inline(always)]
    pub(crate) fn is_zero(self) -> bool {
        let a = self.reduced().0;
        a[0] | a[1] | a[2] | a[3] == 0
    }

    #[inline(always)]
    pub(crate) fn equals(self, other: Self) -> bool {
        self.sub(other).is_zero()
    }

    pub(crate) fn is_odd(self) -> bool {
        self.reduced().0[0] & 1 == 1
    }

    #[inline(always)]
    fn add_small(a: [u64; 4], small: u64) -> ([u64; 4], u64) {
        let (s0, c) = adc(a[0], small, 0);
        let (s1, c) = adc(a[1], 0, c);
        let (s2, c) = adc(a[2], 0, c);
        let (s3, c) = adc(a[3], 0, c);
        ([s0, s1, s2, s3], c)
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let (s0, c) = adc(a[0], b[0], 0);
        let (s1, c) = adc(a[1], b[1], c);
        let (s2, c) = adc(a[2], b[2], c);
        let (s3, c) = adc(a[3], b[3], c);
        let (s, c) = Self::add_small([s0, s1, s2, s3], C & 0u64.wrapping_sub(c));
        Self([
            s[0].wrapping_add(C & 0u64.wrapping_sub(c)),
            s[1],
            s[2],
            s[3],
        ])
    }

    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let (d0, c) = sbb(a[0], b[0], 0);
        let (d1, c) = sbb(a[1], b[1], c);
        let (d2, c) = sbb(a[2], b[2], c);
        let (d3, c) = sbb(a[3], b[3], c);
        let (d0, c) = sbb(d0, C & 0u64.wrapping_sub(c), 0);
        let (d1, c) = sbb(d1, 0, c);
        let (d2, c) = sbb(d2, 0, c);
        let (d3, c) = sbb(d3, 0, c);
        Self([d0.wrapping_sub(C & 0u64.wrapping_sub(c)), d1, d2, d3])
    }

    #[inline(always)]
    pub(crate) fn neg(self) -> Self {
        Self::ZERO.sub(self)
    }

    #[inline(always)]
    pub(crate) fn double(self) -> Self {
        self.add(self)
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        let r = wide_mul(&self.0, &other.0);
        let (l0, c) = mac(r[0], r[4], C, 0);
        let (l1, c) = mac(r[1], r[5], C, c);
        let (l2, c) = mac(r[2], r[6], C, c);
        let (l3, c) = mac(r[3], r[7], C, c);
        let (l0, carry) = mac(l0, c, C, 0);
        let (l1, c) = adc(l1, carry, 0);
        let (l2, c) = adc(l2, 0, c);
        let (l3, c) = adc(l3, 0, c);
        // after a carry the low limb is small: this cannot carry again
        Self([l0.wrapping_add(C & 0u64.wrapping_sub(c)), l1, l2, l3])
    }

    #[inline(always)]
    pub(crate) fn square(self) -> Self {
        self.mul(self)
    }

    #[inline(always)]
    fn square_times(mut self, n: usize) -> Self {
        for _ in 0..n {
            self = self.square();
        }
        self
    }

    /// (x^(2^2 - 1), x^(2^22 - 1), x^(2^223 - 1)): what the inverse and the root have in common.
    #[inline(always)]
    fn ladder(self) -> (Self, Self, Self) {
        let x2 = self.square().mul(self);
        let x3 = x2.square().mul(self);
        let x6 = x3.square_times(3).mul(x3);
        let x9 = x6.square_times(3).mul(x3);
        let x11 = x9.square_times(2).mul(x2);
        let x22 = x11.square_times(11).mul(x11);
        let x44 = x22.square_times(22).mul(x22);
        let x88 = x44.square_times(44).mul(x44);
        let x176 = x88.square_times(88).mul(x88);
        let x220 = x176.square_times(44).mul(x44);
        (x2, x22, x220.square_times(3).mul(x3))
    }

    /// The inverse; zero of zero.
    #[inline(always)]
    pub(crate) fn invert(self) -> Self {
        let (x2, x22, x223) = self.ladder();
        let t = x223.square_times(23).mul(x22).square_times(5).mul(self);
        t.square_times(3).mul(x2).square_times(2).mul(self)
    }

    /// The square root, if there is one.
    #[inline(always)]
    pub(crate) fn sqrt(self) -> Option<Self> {
        let (x2, x22, x223) = self.ladder();
        let t = x223.square_times(23).mul(x22).square_times(6).mul(x2);
        let root = t.square_times(2);
        root.square().equals(self).then_some(root)
    }
}
