//! Points and BIP340 verification.

use musig2::secp::{MaybePoint, MaybeScalar, Point};
use rayon::prelude::*;
use secp256k1::{SECP256K1, XOnlyPublicKey, schnorr};

use crate::SigningError;

/// Whether `signature` is BIP340's over `message` under `xonly`. A wrong length is a wrong signature.
pub fn verify(xonly: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (xonly.try_into(), signature.try_into()) else {
        return false;
    };
    XOnlyPublicKey::from_byte_array(key).is_ok_and(|key| {
        let signature = schnorr::Signature::from_byte_array(signature);
        SECP256K1.verify_schnorr(&signature, message, &key).is_ok()
    })
}

/// Whether the bytes are a compressed point (33 bytes, not infinity).
pub fn is_point(bytes: &[u8]) -> bool {
    bytes.len() == 33 && Point::from_slice(bytes).is_ok()
}

/// A compressed point: 33 bytes, on the curve, not infinity.
pub(crate) fn point(field: impl std::fmt::Display, bytes: &[u8]) -> Result<Point, SigningError> {
    const EXPECTED: &str = "a point (33 bytes compressed, on the curve, not infinity)";
    if bytes.len() != 33 {
        let got = format!("{} bytes", bytes.len());
        return Err(SigningError::new(field, EXPECTED, got));
    }
    Point::from_slice(bytes)
        .map_err(|_| SigningError::new(field, EXPECTED, "33 bytes that are none"))
}

/// A scalar below the group order, zero included.
pub(crate) fn scalar(
    field: impl std::fmt::Display,
    bytes: &[u8],
) -> Result<MaybeScalar, SigningError> {
    const EXPECTED: &str = "32 bytes below the group order";
    if bytes.len() != 32 {
        let got = format!("{} bytes", bytes.len());
        return Err(SigningError::new(field, EXPECTED, got));
    }
    MaybeScalar::from_slice(bytes)
        .map_err(|_| SigningError::new(field, EXPECTED, "a larger number"))
}

/// Refuses the point at infinity.
pub(crate) fn finite(
    field: impl std::fmt::Display,
    point: MaybePoint,
) -> Result<Point, SigningError> {
    point
        .not_inf()
        .map_err(|_| SigningError::new(field, "a point", "infinity"))
}

/// The sum of compressed points; infinity is refused.
pub fn add_points(points: &[&[u8]]) -> Result<[u8; 33], SigningError> {
    let sum = parse(points)?.into_iter().sum::<MaybePoint>();
    Ok(finite("sum of points", sum)?.serialize())
}

/// The sum of scalar * point (scalars 32 bytes big-endian, public); infinity is refused.
pub fn combine(points: &[&[u8]], scalars: &[&[u8]]) -> Result<[u8; 33], SigningError> {
    if points.len() != scalars.len() {
        return Err(SigningError::new("scalars", points.len(), scalars.len()));
    }
    let points = parse(points)?;
    let products = (points, scalars.par_iter().enumerate())
        .into_par_iter()
        .map(|(point, (i, bytes))| Ok(scalar(format_args!("scalars[{i}]"), bytes)? * point))
        .collect::<Result<Vec<MaybePoint>, SigningError>>()?;
    Ok(finite("combination of points", products.into_iter().sum())?.serialize())
}

fn parse(points: &[&[u8]]) -> Result<Vec<Point>, SigningError> {
    points
        .iter()
        .enumerate()
        .map(|(i, bytes)| point(format_args!("points[{i}]"), bytes))
        .collect()
}
