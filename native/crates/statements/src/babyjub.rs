//! Baby Jubjub (EIP-2494), natively: 168700 x^2 + y^2 = 1 + 168696 x^2 y^2 over the scalar field of BN254.
//!
//! Promises that a [`Point`] that was read is canonical and on the curve. 168700 is a square and 168696 is not, so the
//! addition law has no exception: one formula adds, doubles and meets the neutral element. Does NOT know signatures.
#![allow(unexpected_cfgs)] // the derive of the field's parameters asks for a feature of the crate it is used in

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, Fp256, MontBackend, MontConfig, MontFp, PrimeField};
use groth16::{Result, fault};
use zeroize::Zeroize;

use crate::field;

/// Coefficient of x^2.
pub const A: Fr = MontFp!("168700");
/// Coefficient of x^2 y^2.
pub const D: Fr = MontFp!("168696");

/// The order l of the subgroup; the curve has 8 l points.
#[derive(MontConfig)]
#[modulus = "2736030358979909402780800718157159386076813972158567259200215660948447373041"]
#[generator = "31"]
pub struct ScalarConfig;
/// A number modulo l.
pub type Scalar = Fp256<MontBackend<ScalarConfig, 4>>;
/// Bits of l.
pub const SCALAR_BITS: usize = 251;

/// The base point B8 of order l.
pub const BASE: Point = Point {
    x: MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
    y: MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
};

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// First coordinate.
    pub x: Fr,
    /// Second coordinate.
    pub y: Fr,
}

/// The same point with a common denominator.
#[derive(Clone, Copy, Zeroize)]
struct Projective {
    x: Fr,
    y: Fr,
    z: Fr,
}

impl Point {
    /// The neutral element.
    pub const NEUTRAL: Self = Self {
        x: Fr::ZERO,
        y: Fr::ONE,
    };

    /// A point of 64 bytes, x and y big-endian: canonical and on the curve, or a refusal that names the field.
    pub fn read(name: &str, bytes: &[u8; 64]) -> Result<Self> {
        let coordinate = |axis: &str, half: &[u8]| {
            let half = half.try_into().expect("half of 64 bytes");
            field::read(half).ok_or_else(|| {
                fault(
                    format_args!("{name}.{axis}"),
                    "a number below r",
                    "a larger one",
                )
            })
        };
        let point = Self {
            x: coordinate("x", &bytes[..32])?,
            y: coordinate("y", &bytes[32..])?,
        };
        if !point.is_on_curve() {
            return Err(fault(name, "a point of Baby Jubjub", "one off the curve"));
        }
        Ok(point)
    }

    /// The 64 bytes.
    pub fn write(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&field::write(&self.x));
        bytes[32..].copy_from_slice(&field::write(&self.y));
        bytes
    }

    /// Whether the coordinates meet the equation.
    pub fn is_on_curve(&self) -> bool {
        let (xx, yy) = (self.x.square(), self.y.square());
        A * xx + yy == Fr::ONE + D * xx * yy
    }

    /// Whether l times the point is neutral; the neutral element itself is too.
    pub fn is_in_subgroup(&self) -> bool {
        self.times_bits((0..SCALAR_BITS).rev().map(|i| {
            let limb = Scalar::MODULUS.0[i / 64];
            limb >> (i % 64) & 1
        })) == Self::NEUTRAL
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        Projective::from(self)
            .plus(&Projective::from(other))
            .affine()
    }

    /// The other point of the same height.
    pub fn negated(&self) -> Self {
        Self {
            x: -self.x,
            y: self.y,
        }
    }

    /// The multiple.
    ///
    /// Secret scalars may be given: whatever the scalar, 251 doublings and 251 complete additions follow each other, and
    /// what is added is chosen by a product, not by a branch or an address. Limits: the field's own multiplication ends in
    /// a subtraction that depends on its operands, and registers and the stack of one call are not wiped.
    pub fn times(&self, scalar: &Scalar) -> Self {
        let mut limbs = scalar.into_bigint();
        let point = {
            let bits = (0..SCALAR_BITS).rev();
            self.times_bits(bits.map(|i| limbs.0[i / 64] >> (i % 64) & 1))
        };
        limbs.zeroize();
        point
    }

    fn times_bits(&self, bits: impl Iterator<Item = u64>) -> Self {
        let mut sum = Projective::from(&Self::NEUTRAL);
        for bit in bits {
            let factor = Fr::from(bit);
            // The point itself, or the neutral element.
            let mut addend = Projective {
                x: factor * self.x,
                y: Fr::ONE + factor * (self.y - Fr::ONE),
                z: Fr::ONE,
            };
            sum = sum.plus(&sum).plus(&addend);
            addend.zeroize();
        }
        let point = sum.affine();
        sum.zeroize();
        point
    }
}

impl From<&Point> for Projective {
    fn from(point: &Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fr::ONE,
        }
    }
}

impl Projective {
    /// The complete law of Bernstein, Birkner, Joye, Lange, Peters (ePrint 2008/013), section 6.
    fn plus(&self, other: &Self) -> Self {
        let z = self.z * other.z;
        let zz = z.square();
        let (xx, yy) = (self.x * other.x, self.y * other.y);
        let e = D * xx * yy;
        let (f, g) = (zz - e, zz + e);
        let cross = (self.x + self.y) * (other.x + other.y) - xx - yy;
        Self {
            x: z * f * cross,
            y: z * g * (yy - A * xx),
            z: f * g,
        }
    }

    fn affine(&self) -> Point {
        let inverse = self.z.inverse().expect("the law is complete");
        Point {
            x: self.x * inverse,
            y: self.y * inverse,
        }
    }
}

/// A scalar of 32 bytes big-endian, when it is below l.
pub fn read_scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_bigint(field::read_limbs(bytes))
}

/// 64 bytes big-endian modulo l: for uniform bytes, within 2^-250 of uniform. No branch looks at them.
pub fn reduce(bytes: &[u8; 64]) -> Scalar {
    let word = Scalar::from(1u128 << 64);
    bytes.chunks_exact(8).fold(Scalar::ZERO, |sum, part| {
        let limb = u64::from_be_bytes(part.try_into().expect("eight bytes"));
        sum * word + Scalar::from(limb)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: &str, y: &str) -> Point {
        Point {
            x: x.parse().unwrap(),
            y: y.parse().unwrap(),
        }
    }

    /// EIP-2494 and circomlibjs test/babyjub.js.
    #[test]
    fn published_vectors() {
        let generator = point(
            "995203441582195749578291179787384436505546430278305826713579947235728471134",
            "5472060717959818805561601436314318772137091100104008585924551046643952123905",
        );
        assert_eq!(generator.times(&Scalar::from(8)), BASE);
        assert!(!generator.is_in_subgroup() && BASE.is_in_subgroup());
        let p = point(
            "17777552123799933955779906779655732241715742912184938656739573121738514868268",
            "2626589144620713026669568689430873010625803728049924121243784502389097019475",
        );
        let q = point(
            "16540640123574156134436876038791482806971768689494387082833631921987005038935",
            "20819045374670962167435360035096875258406992893633759881276124905556507972311",
        );
        let doubled = point(
            "6890855772600357754907169075114257697580319025794532037257385534741338397365",
            "4338620300185947561074059802482547481416142213883829469920100239455078257889",
        );
        assert_eq!(p.plus(&p), doubled);
        assert_eq!(
            p.plus(&q),
            point(
                "7916061937171219682591368294088513039687205273691143098332585753343424131937",
                "14035240266687799601661095864649209771790948434046947201833777492504781204499"
            )
        );
        assert_eq!(
            p.times(&Scalar::from(3)),
            point(
                "19372461775513343691590086534037741906533799473648040012278229434133483800898",
                "9458658722007214007257525444427903161243386465067105737478306991484593958249"
            )
        );
        // The published scalars are above l: these points have order l.
        assert_eq!(
            p.times(
                &"14035240266687799601661095864649209771790948434046947201833777492504781204499"
                    .parse::<Fr>()
                    .map(modulo)
                    .unwrap()
            ),
            point(
                "17070357974431721403481313912716834497662307308519659060910483826664480189605",
                "4014745322800118607127020275658861516666525056516280575712425373174125159339"
            )
        );
        assert_eq!(
            doubled.times(
                &"20819045374670962167435360035096875258406992893633759881276124905556507972311"
                    .parse::<Fr>()
                    .map(modulo)
                    .unwrap()
            ),
            point(
                "13563888653650925984868671744672725781658357821216877865297235725727006259983",
                "8442587202676550862664528699803615547505326611544120184665036919364004251662"
            )
        );
    }

    fn modulo(number: Fr) -> Scalar {
        let mut bytes = [0; 64];
        bytes[32..].copy_from_slice(&field::write(&number));
        reduce(&bytes)
    }

    #[test]
    fn the_law_has_no_exception() {
        let minus = BASE.negated();
        let order_two = Point {
            x: Fr::ZERO,
            y: -Fr::ONE,
        };
        assert_eq!(BASE.plus(&minus), Point::NEUTRAL);
        assert_eq!(BASE.plus(&Point::NEUTRAL), BASE);
        assert_eq!(order_two.plus(&order_two), Point::NEUTRAL);
        assert!(order_two.is_on_curve() && !order_two.is_in_subgroup());
        assert_eq!(BASE.times(&-Scalar::ONE), minus);
        assert_eq!(BASE.times(&Scalar::ZERO), Point::NEUTRAL);
        assert!(A.legendre().is_qr() && !D.legendre().is_qr());
    }

    #[test]
    fn wide_numbers_reduce_to_their_residue() {
        let mut bytes = [0; 64];
        bytes[31] = 1; // 2^256
        assert_eq!(reduce(&bytes), Scalar::from(2).pow([256]));
        assert_eq!(read_scalar(&[0xff; 32]), None);
        assert_eq!(Scalar::MODULUS_BIT_SIZE as usize, SCALAR_BITS);
    }

    #[test]
    fn what_is_no_point_is_named() {
        let mut bytes = BASE.write();
        assert_eq!(Point::read("key", &bytes), Ok(BASE));
        bytes[63] ^= 1;
        assert_eq!(Point::read("key", &bytes).unwrap_err().field, "key");
        bytes[32..].fill(0xff);
        assert_eq!(Point::read("key", &bytes).unwrap_err().field, "key.y");
    }
}
