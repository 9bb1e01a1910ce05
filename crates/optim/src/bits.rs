//! Numbers as their bits, for states that must come back the same: NaN, infinities and every last digit included.
//!
//! A text format may print a number with fewer digits than it has, or have no word for NaN; it does not do so to
//! integers.

use crate::scalar::Scalar;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One number.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<T: Scalar, S: Serializer>(number: &T, to: S) -> Result<S::Ok, S::Error> {
        number.bits().serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Scalar, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        Ok(T::from_bits(u64::deserialize(from)?))
    }
}

/// Any sequence of numbers: a vector, a ring.
pub(crate) mod all {
    use super::*;

    pub(crate) fn serialize<'a, T, C, S>(numbers: &'a C, to: S) -> Result<S::Ok, S::Error>
    where
        T: Scalar,
        &'a C: IntoIterator<Item = &'a T>,
        S: Serializer,
    {
        to.collect_seq(numbers.into_iter().map(|number| number.bits()))
    }

    pub(crate) fn deserialize<'de, T, C, D>(from: D) -> Result<C, D::Error>
    where
        T: Scalar,
        C: FromIterator<T>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<u64>::deserialize(from)?.into_iter().map(T::from_bits).collect())
    }
}

/// Two numbers.
pub(crate) mod two {
    use super::*;

    pub(crate) fn serialize<T: Scalar, S: Serializer>(numbers: &[T; 2], to: S) -> Result<S::Ok, S::Error> {
        numbers.map(T::bits).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Scalar, D: Deserializer<'de>>(from: D) -> Result<[T; 2], D::Error> {
        Ok(<[u64; 2]>::deserialize(from)?.map(T::from_bits))
    }
}

/// Two numbers, or none.
pub(crate) mod maybe_two {
    use super::*;

    pub(crate) fn serialize<T: Scalar, S: Serializer>(numbers: &Option<[T; 2]>, to: S) -> Result<S::Ok, S::Error> {
        numbers.map(|numbers| numbers.map(T::bits)).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Scalar, D: Deserializer<'de>>(from: D) -> Result<Option<[T; 2]>, D::Error> {
        Ok(Option::<[u64; 2]>::deserialize(from)?.map(|numbers| numbers.map(T::from_bits)))
    }
}
