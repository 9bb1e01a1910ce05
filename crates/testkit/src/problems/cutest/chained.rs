//! Functions in which a variable meets its neighbours, or the first or last variable, in a chain.

use autodiff_core::Real;
use std::f64::consts::PI;

pub fn arwhead<S: Real + Copy>(x: &[S]) -> S {
    let last = x[x.len() - 1];
    x[..x.len() - 1].iter().map(|&x| (x.square() + last.square()).square() - x * 4.0 + 3.0).sum()
}

pub fn bdqrtic<S: Real + Copy>(x: &[S]) -> S {
    let last = x[x.len() - 1].square() * 5.0;
    let term = |w: &[S]| {
        let quadratic = w[0].square() + w[1].square() * 2.0 + w[2].square() * 3.0 + w[3].square() * 4.0 + last;
        (w[0] * -4.0 + 3.0).square() + quadratic.square()
    };
    // Windows of five: the last of them stands before the last variable.
    x.windows(5).map(term).sum()
}

/// |u|^{7/3}, with u = 0 at no point that a method meets.
fn seven_thirds<S: Real + Copy>(u: S) -> S {
    u.abs().pow(S::from_f64(7.0 / 3.0))
}

pub fn broydn7d<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let own = |i: usize| (x[i] * -2.0 + 3.0) * x[i] + 1.0;
    let chain = (0..n).map(|i| {
        let mut u = own(i);
        if i > 0 {
            u -= x[i - 1];
        }
        if i + 1 < n {
            u -= x[i + 1] * 2.0;
        }
        seven_thirds(u)
    });
    let pairs = (0..n / 2).map(|i| seven_thirds(x[i] + x[i + n / 2]));
    chain.sum::<S>() + pairs.sum::<S>()
}

pub fn chainwoo<S: Real + Copy>(x: &[S]) -> S {
    let terms = (0..x.len() / 2 - 1).map(|i| {
        let w = &x[2 * i..];
        (w[1] - w[0].square()).square() * 100.0
            + (w[0] - 1.0).square()
            + (w[3] - w[2].square()).square() * 90.0
            + (w[2] - 1.0).square()
            + (w[1] + w[3] - 2.0).square() * 10.0
            + (w[1] - w[3]).square() * 0.1
    });
    terms.sum::<S>() + 1.0
}

pub fn cosine<S: Real + Copy>(x: &[S]) -> S {
    x.windows(2).map(|w| (w[0].square() - w[1] * 0.5).cos()).sum()
}

pub fn cragglvy<S: Real + Copy>(x: &[S]) -> S {
    let terms = (0..x.len() / 2 - 1).map(|i| {
        let w = &x[2 * i..];
        let d = w[2] - w[3];
        (w[0].exp() - w[1]).powi(4)
            + (w[1] - w[2]).powi(6) * 100.0
            + (d.tan() + d).powi(4)
            + w[0].powi(8)
            + (w[3] - 1.0).square()
    });
    terms.sum()
}

pub fn dixon3dq<S: Real + Copy>(x: &[S]) -> S {
    let inner = x[1..].windows(2).map(|w| (w[0] - w[1]).square());
    inner.sum::<S>() + (x[0] - 1.0).square() + (x[x.len() - 1] - 1.0).square()
}

pub fn dqdrtic<S: Real + Copy>(x: &[S]) -> S {
    x.windows(3).map(|w| w[0].square() + (w[1].square() + w[2].square()) * 100.0).sum()
}

pub fn edensch<S: Real + Copy>(x: &[S]) -> S {
    let term = |w: &[S]| (w[0] - 2.0).powi(4) + (w[0] * w[1] - w[1] * 2.0).square() + (w[1] + 1.0).square();
    x.windows(2).map(term).sum::<S>() + 16.0
}

pub fn engval1<S: Real + Copy>(x: &[S]) -> S {
    x.windows(2).map(|w| (w[0].square() + w[1].square()).square() - w[0] * 4.0 + 3.0).sum()
}

pub fn extrosnb<S: Real + Copy>(x: &[S]) -> S {
    x.windows(2).map(|w| (w[1] - w[0].square()).square() * 100.0).sum::<S>() + (x[0] - 1.0).square()
}

/// With κ = 1 and h = 1/(n + 1).
pub fn fletcbv2<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let h = 1.0 / (n as f64 + 1.0);
    let ends = x[0].square() + x[n - 1].square();
    let steps: S = x.windows(2).map(|w| (w[0] - w[1]).square()).sum();
    let forces: S = x.iter().map(|&x| x * 2.0 + x.cos()).sum();
    (ends + steps) * 0.5 - forces * (h * h)
}

pub fn fletchcr<S: Real + Copy>(x: &[S]) -> S {
    x.windows(2).map(|w| (w[1] - w[0] + 1.0 - w[0].square()).square() * 100.0).sum()
}

pub fn freuroth<S: Real + Copy>(x: &[S]) -> S {
    let term = |w: &[S]| {
        let (x, y) = (w[0], w[1]);
        (x - 13.0 + ((-y + 5.0) * y - 2.0) * y).square() + (x - 29.0 + ((y + 1.0) * y - 14.0) * y).square()
    };
    x.windows(2).map(term).sum()
}

/// With ζ = 2.
pub fn genhumps<S: Real + Copy>(x: &[S]) -> S {
    let hump = |x: S| (x * 2.0).sin().square();
    x.windows(2).map(|w| hump(w[0]) * hump(w[1]) + (w[0].square() + w[1].square()) * 0.05).sum()
}

pub fn genrose<S: Real + Copy>(x: &[S]) -> S {
    x.windows(2).map(|w| (w[1] - w[0].square()).square() * 100.0 + (w[1] - 1.0).square()).sum::<S>() + 1.0
}

pub fn liarwhd<S: Real + Copy>(x: &[S]) -> S {
    x.iter().map(|&y| (y.square() - x[0]).square() * 4.0 + (y - 1.0).square()).sum()
}

pub fn ncb20b<S: Real + Copy>(x: &[S]) -> S {
    let windows = x.windows(20).enumerate().map(|(i, w)| {
        let quotients: S = w.iter().map(|&x| x / (x.square() + 1.0)).sum();
        quotients.square() * (10.0 / (i + 1) as f64) - w.iter().copied().sum::<S>() * 0.2
    });
    windows.sum::<S>() + x.iter().map(|&x| x.powi(4) * 100.0 + 2.0).sum::<S>()
}

pub fn nondia<S: Real + Copy>(x: &[S]) -> S {
    let others = x[..x.len() - 1].iter().map(|&y| (x[0] - y.square()).square() * 100.0);
    others.sum::<S>() + (x[0] - 1.0).square()
}

pub fn nondquar<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let quartic: S = x.windows(3).map(|w| (w[0] + w[1] + x[n - 1]).powi(4)).sum();
    (x[0] - x[1]).square() + quartic + (x[n - 2] + x[n - 1]).square()
}

pub fn schmvett<S: Real + Copy>(x: &[S]) -> S {
    let term = |w: &[S]| {
        let rational = ((w[0] - w[1]).square() + 1.0).recip();
        let sine = ((w[1] * PI + w[2]) * 0.5).sin();
        let bell = (-((w[0] + w[2]) / w[1] - 2.0).square()).exp();
        -(rational + sine + bell)
    };
    x.windows(3).map(term).sum()
}

pub fn sinquad<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let (first, last) = (x[0], x[n - 1]);
    let inner = x[1..n - 1].iter().map(|&x| ((x - last).sin() - first.square() + x.square()).square());
    inner.sum::<S>() + (first - 1.0).powi(4) + (last.square() - first.square()).square()
}

pub fn srosenbr<S: Real + Copy>(x: &[S]) -> S {
    x.chunks_exact(2).map(|w| (w[1] - w[0].square()).square() * 100.0 + (w[0] - 1.0).square()).sum()
}

pub fn tquartic<S: Real + Copy>(x: &[S]) -> S {
    let others = x[1..].iter().map(|&y| (x[0].square() - y.square()).square());
    others.sum::<S>() + (x[0] - 1.0).square()
}

pub fn tridia<S: Real + Copy>(x: &[S]) -> S {
    let steps = x.windows(2).enumerate().map(|(i, w)| (w[1] * 2.0 - w[0]).square() * (i + 2) as f64);
    steps.sum::<S>() + (x[0] - 1.0).square()
}

pub fn woods<S: Real + Copy>(x: &[S]) -> S {
    let term = |w: &[S]| {
        (w[1] - w[0].square()).square() * 100.0
            + (w[0] - 1.0).square()
            + (w[3] - w[2].square()).square() * 90.0
            + (w[2] - 1.0).square()
            + (w[1] + w[3] - 2.0).square() * 10.0
            + (w[1] - w[3]).square() * 0.1
    };
    x.chunks_exact(4).map(term).sum()
}

pub fn extended_himmelblau<S: Real + Copy>(x: &[S]) -> S {
    let term = |w: &[S]| (w[0].square() + w[1] - 11.0).square() + (w[0] + w[1].square() - 7.0).square();
    x.chunks_exact(2).map(term).sum()
}

pub fn extended_white_holst<S: Real + Copy>(x: &[S]) -> S {
    x.chunks_exact(2).map(|w| (w[1] - w[0].powi(3)).square() * 100.0 + (w[0] - 1.0).square()).sum()
}
