//! The models of the data sets: y as a function of the parameters b and the predictors x.

use autodiff_core::Real;
use std::f64::consts::PI;

/// A model, named by the first data set that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    Misra1a,
    Misra1b,
    Misra1c,
    Misra1d,
    Chwirut,
    Lanczos,
    Gauss,
    DanWood,
    Kirby2,
    Hahn1,
    Nelson,
    Mgh17,
    Roszman1,
    Enso,
    Mgh09,
    Rat42,
    Mgh10,
    Eckerle4,
    Rat43,
    Bennett5,
}

impl Model {
    pub(super) fn of(name: &str) -> Option<Model> {
        Some(match name {
            "Misra1a" | "BoxBOD" => Model::Misra1a,
            "Misra1b" => Model::Misra1b,
            "Misra1c" => Model::Misra1c,
            "Misra1d" => Model::Misra1d,
            "Chwirut1" | "Chwirut2" => Model::Chwirut,
            "Lanczos1" | "Lanczos2" | "Lanczos3" => Model::Lanczos,
            "Gauss1" | "Gauss2" | "Gauss3" => Model::Gauss,
            "DanWood" => Model::DanWood,
            "Kirby2" => Model::Kirby2,
            "Hahn1" | "Thurber" => Model::Hahn1,
            "Nelson" => Model::Nelson,
            "MGH17" => Model::Mgh17,
            "Roszman1" => Model::Roszman1,
            "ENSO" => Model::Enso,
            "MGH09" => Model::Mgh09,
            "Rat42" => Model::Rat42,
            "MGH10" => Model::Mgh10,
            "Eckerle4" => Model::Eckerle4,
            "Rat43" => Model::Rat43,
            "Bennett5" => Model::Bennett5,
            _ => return None,
        })
    }

    /// Model minus response at each row of predictors; Nelson's response is log y.
    pub(super) fn residuals<S: Real + Copy>(self, x: &[Vec<f64>], y: &[f64], b: &[S]) -> Vec<S> {
        let response = |y: f64| if self == Model::Nelson { y.ln() } else { y };
        x.iter().zip(y).map(|(x, &y)| self.predict(x, b) - response(y)).collect()
    }

    /// The model at one row of predictors.
    fn predict<S: Real + Copy>(self, predictors: &[f64], b: &[S]) -> S {
        let x = predictors[0];
        match self {
            Model::Misra1a => b[0] * (-(b[1] * -x).exp() + 1.0),
            Model::Misra1b => b[0] * (-(b[1] * (x / 2.0) + 1.0).powi(-2) + 1.0),
            Model::Misra1c => b[0] * (-(b[1] * (2.0 * x) + 1.0).sqrt().recip() + 1.0),
            Model::Misra1d => b[0] * b[1] * x / (b[1] * x + 1.0),
            Model::Chwirut => (b[0] * -x).exp() / (b[2] * x + b[1]),
            Model::Lanczos => b.chunks_exact(2).map(|b| b[0] * (b[1] * -x).exp()).sum(),
            Model::Gauss => {
                let peak = |b: &[S]| b[0] * (-((-b[1] + x) / b[2]).square()).exp();
                b[0] * (b[1] * -x).exp() + peak(&b[2..5]) + peak(&b[5..8])
            }
            Model::DanWood => b[0] * (b[1] * x.ln()).exp(),
            Model::Kirby2 => (b[0] + b[1] * x + b[2] * (x * x)) / (b[3] * x + b[4] * (x * x) + 1.0),
            Model::Hahn1 => {
                let (x2, x3) = (x * x, x * x * x);
                (b[0] + b[1] * x + b[2] * x2 + b[3] * x3) / (b[4] * x + b[5] * x2 + b[6] * x3 + 1.0)
            }
            Model::Nelson => b[0] - b[1] * x * (b[2] * -predictors[1]).exp(),
            Model::Mgh17 => b[0] + b[1] * (b[3] * -x).exp() + b[2] * (b[4] * -x).exp(),
            Model::Roszman1 => b[0] - b[1] * x - (b[2] / (-b[3] + x)).atan() / PI,
            Model::Enso => {
                let angle = 2.0 * PI * x;
                let cycle = |cosine: S, sine: S, period: S| {
                    let angle = period.recip() * angle;
                    cosine * angle.cos() + sine * angle.sin()
                };
                let year = b[1] * (angle / 12.0).cos() + b[2] * (angle / 12.0).sin();
                b[0] + year + cycle(b[4], b[5], b[3]) + cycle(b[7], b[8], b[6])
            }
            Model::Mgh09 => b[0] * (b[1] * x + x * x) / (b[2] * x + b[3] + x * x),
            Model::Rat42 => b[0] / ((b[1] - b[2] * x).exp() + 1.0),
            Model::Mgh10 => b[0] * (b[1] / (b[2] + x)).exp(),
            Model::Eckerle4 => b[0] / b[1] * (((-b[2] + x) / b[1]).square() * -0.5).exp(),
            Model::Rat43 => b[0] * (-((b[1] - b[2] * x).exp() + 1.0).ln() / b[3]).exp(),
            Model::Bennett5 => b[0] * (-(b[1] + x).ln() / b[2]).exp(),
        }
    }
}
