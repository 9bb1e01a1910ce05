//! How numbers with derivatives are printed: `1 + 2·t − 0.5·t² + O(t³)`.

use std::fmt::{self, Display, Formatter, Write};

use super::{Dual, HyperDual, Series, Taylor};

/// Writes `value + part·unit + …`, leaving out parts that print as 0. The formatter's options go to every number.
struct Terms<'a, 'b>(&'a mut Formatter<'b>);

impl Terms<'_, '_> {
    fn value(&mut self, value: &impl Display) -> fmt::Result {
        Display::fmt(value, self.0)
    }

    fn part(&mut self, part: &impl Display, unit: impl Display) -> fmt::Result {
        let text = match self.0.precision() {
            Some(digits) => format!("{part:.digits$}"),
            None => part.to_string(),
        };
        if text.contains(' ') {
            return write!(self.0, " + ({text})·{unit}");
        }
        match text.strip_prefix('-') {
            _ if text == "0" || text == "-0" => Ok(()),
            Some(magnitude) => write!(self.0, " − {magnitude}·{unit}"),
            None => write!(self.0, " + {text}·{unit}"),
        }
    }
}

/// tᵏ.
struct Power(usize);

impl Display for Power {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('t')?;
        if self.0 == 1 {
            return Ok(());
        }
        for digit in self.0.to_string().bytes() {
            f.write_char(['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][usize::from(digit - b'0')])?;
        }
        Ok(())
    }
}

/// `a + ȧ·ε`.
impl<T: Display> Display for Dual<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut terms = Terms(f);
        terms.value(&self.value)?;
        terms.part(&self.tangent, "ε")
    }
}

/// `a + b·ε₁ + c·ε₂ + d·ε₁ε₂`.
impl<T: Display> Display for HyperDual<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut terms = Terms(f);
        terms.value(&self.value)?;
        terms.part(&self.first, "ε₁")?;
        terms.part(&self.second, "ε₂")?;
        terms.part(&self.cross, "ε₁ε₂")
    }
}

fn polynomial<'a, T: Display + 'a>(f: &mut Formatter<'_>, value: &T, rest: impl Iterator<Item = &'a T>) -> fmt::Result {
    let mut terms = Terms(f);
    terms.value(value)?;
    let mut order = 0;
    for (k, coefficient) in (1..).zip(rest) {
        terms.part(coefficient, Power(k))?;
        order = k;
    }
    write!(f, " + O({})", Power(order + 1))
}

/// `a + b·t + c·t² + O(t³)`.
impl<T: Display, const K: usize> Display for Taylor<T, K> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        polynomial(f, &self.value, self.rest.iter())
    }
}

/// `a + b·t + c·t² + O(t³)`; a constant without the O.
impl<T: Display> Display for Series<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.is_constant() {
            true => Display::fmt(self.value(), f),
            false => polynomial(f, self.value(), self.coefficients()[1..].iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::number::{Dual, HyperDual, Series, Taylor};

    #[test]
    fn numbers_print_as_polynomials() {
        assert_eq!(Dual::new(1.0, -2.0).to_string(), "1 − 2·ε");
        assert_eq!(Dual::constant(1.5).to_string(), "1.5");
        assert_eq!(format!("{:.2}", Dual::new(1.0, 0.125)), "1.00 + 0.12·ε");
        assert_eq!(HyperDual::new(1.0, 2.0, 0.0, -3.0).to_string(), "1 + 2·ε₁ − 3·ε₁ε₂");
        assert_eq!(Taylor::new(1.0, [2.0, -0.5]).to_string(), "1 + 2·t − 0.5·t² + O(t³)");
        assert_eq!(Series::from(vec![1.0; 12]).to_string().split(' ').next_back(), Some("O(t¹²)"));
        assert_eq!(Series::constant(4.0).to_string(), "4");
    }

    #[test]
    fn a_nested_number_prints_in_parentheses() {
        let x = Dual::new(Dual::new(1.0, 2.0), Dual::new(3.0, 4.0));
        assert_eq!(x.to_string(), "1 + 2·ε + (3 + 4·ε)·ε");
    }
}
