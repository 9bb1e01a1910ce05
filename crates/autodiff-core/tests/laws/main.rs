//! The law suite: every primitive through every mode, from one table.
//!
//! No derivative is written by hand here. Values come from the interpreter, slopes from central differences or from the
//! number types, and the modes are held against each other:
//!
//! * value: program = interpreter
//! * tangent = central difference of the value
//! * ⟨c, J t⟩ = ⟨Jᵀ c, t⟩
//! * product reverse over forward = forward over reverse, and uᵀ H v = vᵀ H u
//! * k! · jetₖ = nested tangents, along lines and along curves
//! * ⟨∇cₖ, u⟩ = slope of the Taylor coefficient cₖ along u = nested tangents / k!
//! * one sweep = gradients of each coefficient
//! * jet of a composition = composition of jets
//! * a batch of directions = each direction
//! * an operand that is not differentiated by has derivative 0
//! * a program split at its directions = the whole program
//! * a branch that a `select` discards leaves no trace
//! * f32 within its bound of f64
//! * text form parses back
//!
//! Break a partial or a transpose, and it fails.

mod case;
mod composition;
mod rows;
mod structured;
mod zeros;

use case::Case;

/// Holds every law on one case.
fn hold(case: &Case) {
    case.program_equals_interpreter();
    case.tangent_is_the_difference_quotient();
    case.adjoint_is_the_transpose();
    case.products_agree_and_are_symmetric();
    case.jets_are_nested_tangents();
    case.jets_along_curves_are_nested_tangents();
    case.gradients_of_coefficients_are_their_slopes();
    case.one_sweep_has_the_gradients_of_all_coefficients();
    case.batches_are_single_directions();
    case.fixed_operands_have_no_derivative();
    case.split_program_equals_whole();
    case.single_precision_is_close();
    case.text_parses_back();
}
