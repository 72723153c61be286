//! Keys, proofs and inputs in every format on both curves; the precompiles.

use groth16::{AnyInputs, AnyKey, AnyProof, CurveId, Encoding, Format};

use super::Target;

/// One target: what was taken is written, read again, and written the same.
macro_rules! target {
    ($type:ident, $encoding:ident, $format:ident, $curve:ident) => {
        |raw: &[u8]| {
            let read = |raw: &[u8]| target!(@read $type, raw, Format::$format, CurveId::$curve);
            let Ok(value) = read(raw) else { return };
            let Ok(written) = value.encode(Encoding::$encoding) else { return };
            let again = read(&written).unwrap_or_else(|refused| panic!("written and refused: {refused}"));
            assert_eq!(again.encode(Encoding::$encoding).as_ref(), Ok(&written));
        }
    };
    (@read AnyKey, $raw:expr, $format:expr, $curve:expr) => { AnyKey::parse($raw, $format, Some($curve)) };
    (@read $type:ident, $raw:expr, $format:expr, $curve:expr) => { $type::parse($raw, $format, $curve) };
}

/// The same for what is written in one encoding on one curve.
macro_rules! targets {
    ($($curve:literal $id:ident: $($name:literal $encoding:ident $format:ident,)*;)*) => {
        &[
            ("groth16-any-file", any),
            ("groth16-precompile-bn254-add", |raw| drop(groth16::bn254_add(raw))),
            ("groth16-precompile-bn254-multiply", |raw| drop(groth16::bn254_multiply(raw))),
            ("groth16-precompile-bn254-pairing", |raw| drop(groth16::bn254_pairing(raw))),
            $($(
                (concat!("groth16-key-", $name, "-", $curve), target!(AnyKey, $encoding, $format, $id)),
                (concat!("groth16-proof-", $name, "-", $curve), target!(AnyProof, $encoding, $format, $id)),
                (concat!("groth16-inputs-", $name, "-", $curve), target!(AnyInputs, $encoding, $format, $id)),
            )*)*
        ]
    };
}

/// Named as the Python table names them.
pub const TARGETS: &[Target] = targets! {
    "bn254" Bn254:
        "snarkjs" Snarkjs Snarkjs,
        "eip197" Eip197 Eip197,
        "gnark" GnarkCompressed Gnark,
        "gnark-raw" GnarkRaw Gnark,
        "arkworks" ArkworksCompressed Arkworks,
        "arkworks-uncompressed" ArkworksUncompressed Arkworks,;
    "bls12-381" Bls12381:
        "snarkjs" Snarkjs Snarkjs,
        "gnark" GnarkCompressed Gnark,
        "gnark-raw" GnarkRaw Gnark,
        "arkworks" ArkworksCompressed Arkworks,
        "arkworks-uncompressed" ArkworksUncompressed Arkworks,;
};

fn any(raw: &[u8]) {
    for format in Format::ALL {
        let _ = AnyKey::parse(raw, format, None);
        let _ = AnyProof::parse(raw, format, CurveId::Bn254);
    }
}
