//! [`Operator`]: what is timed, by the names that the command line and the rows use.

use std::fmt;
use std::str::FromStr;

/// One operator of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The plain function over `f64`, compiled by the Rust compiler: no tracing, no derivative.
    Native,
    /// f(x) by a function made from the closure at each call: the closure is recorded, and run once.
    Record,
    /// f(x).
    Value,
    /// f(x) and ∇f(x) together.
    Gradient,
    /// f(x) and ∇f(x) by a function made from the closure at each call and dropped after it, recording included.
    GradientOneShot,
    /// ∇²f(x) v with nothing kept between calls.
    Hvp,
    /// Everything for products at x that depends on x alone.
    Linearize,
    /// ∇²f(x) v where all that is kept: one more iteration of a CG solver.
    HvpLinearized,
    /// Products with 16 directions at one linearised point.
    Hvps16,
    /// The Jacobians of many small functions of their own variables.
    Jacobian,
    /// The Gauss–Newton product at a linearised point.
    Ggn,
    /// Taylor coefficients 0 to K along a line.
    Taylor(usize),
    /// A loss on coefficient K, and its gradient in the parameters.
    TaylorGradient(usize),
    /// The Laplacian of every sample.
    Laplacian,
    /// The Laplacian of every sample as a sum of second coefficients, one direction after the other.
    LaplacianPerDirection,
    /// A loss on the Laplacians, and its gradient in the parameters.
    LaplacianGradient,
    /// A step of Taylor's method for one oscillator of van der Pol.
    VanDerPol,
    /// A step of Taylor's method for many of them at once, the time of each.
    VanDerPolLanes,
    /// A step of Taylor's method for six bodies.
    SixBody,
}

use Operator::{
    Ggn, Gradient, GradientOneShot, Hvp, HvpLinearized, Hvps16, Jacobian, Laplacian, LaplacianGradient,
    LaplacianPerDirection, Linearize, Native, Record, SixBody, Taylor, TaylorGradient, Value, VanDerPol,
    VanDerPolLanes,
};

/// Every operator that some workload has, in the order of reports.
pub const ALL: [Operator; 25] = [
    Native,
    Record,
    Value,
    Gradient,
    GradientOneShot,
    Hvp,
    Linearize,
    HvpLinearized,
    Hvps16,
    Jacobian,
    Ggn,
    Taylor(2),
    Taylor(4),
    Taylor(5),
    Taylor(6),
    Taylor(10),
    Taylor(30),
    TaylorGradient(2),
    TaylorGradient(4),
    Laplacian,
    LaplacianPerDirection,
    LaplacianGradient,
    VanDerPol,
    VanDerPolLanes,
    SixBody,
];

impl Operator {
    /// Whether f(x) is among its results.
    pub fn tells_value(self) -> bool {
        matches!(self, Native | Record | Value | Gradient | GradientOneShot | Linearize)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Native => "native",
            Record => "record",
            Value => "value",
            Gradient => "gradient",
            GradientOneShot => "gradient_one_shot",
            Hvp => "hvp",
            Linearize => "linearize",
            HvpLinearized => "hvp_linearized",
            Hvps16 => "hvps16",
            Jacobian => "jacobian",
            Ggn => "ggn",
            Taylor(order) => return f.pad(&format!("taylor{order}")),
            TaylorGradient(order) => return f.pad(&format!("taylor_gradient{order}")),
            Laplacian => "laplacian",
            LaplacianPerDirection => "laplacian_per_direction",
            LaplacianGradient => "laplacian_gradient",
            VanDerPol => "van_der_pol",
            VanDerPolLanes => "van_der_pol_lanes",
            SixBody => "six_body",
        };
        f.pad(name)
    }
}

impl FromStr for Operator {
    type Err = String;
    fn from_str(name: &str) -> Result<Operator, String> {
        ALL.into_iter().find(|op| op.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = ALL.iter().map(Operator::to_string).collect();
            format!("no operator `{name}`; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for op in ALL {
            assert_eq!(op.to_string().parse(), Ok(op));
        }
        assert!("hessian".parse::<Operator>().unwrap_err().contains("hvp_linearized"));
    }
}
