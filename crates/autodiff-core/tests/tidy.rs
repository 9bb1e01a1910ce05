//! The rules of the house that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the core from left to right: each imports only what stands before it.
const ORDER: &[&str] = &[
    "real",
    "number",
    "shape",
    "tensor",
    "error",
    "graph",
    "trace",
    "primitive",
    "text",
    "transform",
    "tree",
    "compile",
    "execute",
    "sweep",
    "function",
    "ode",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The code of a file, without comments and doc examples.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable source");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_import_only_leftwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for path in files {
        let relative = path.strip_prefix(&src).expect("a path below src");
        let module = relative.iter().next().and_then(|c| c.to_str()).expect("a name").trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = ORDER
            .iter()
            .position(|m| *m == module)
            .unwrap_or_else(|| panic!("module {module} has no place in the order"));
        let code = code(&path);
        // Unit tests may look ahead: they run the whole.
        let shipped = code.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in shipped.match_indices("crate::").filter(|(at, _)| !shipped[..*at].ends_with(['$', '_'])) {
            let rest = &shipped[at + "crate::".len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if after.starts_with('!') {
                continue; // a macro of the table
            }
            let place = ORDER.iter().position(|m| *m == name);
            let place = place.unwrap_or_else(|| panic!("{}: import crate::{name} by its module", relative.display()));
            assert!(place <= own, "{}: {module} imports {name}", relative.display());
        }
    }
}

/// The crates from left to right: each depends only on those before it.
const CRATES: &[&str] = &["kernels", "derive", "autodiff-core", "optim", "nn"];

#[test]
fn crates_depend_only_leftwards() {
    for (own, name) in CRATES.iter().enumerate() {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest");
        let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        for (place, other) in CRATES.iter().enumerate() {
            let depends = section.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(*other));
            assert!(!depends || place < own, "{name} depends on {other}");
        }
        // Optimizers and networks do not know each other, but for a training loop.
        assert!(*name != "optim" || !section.contains("nn"), "optim depends on nn");
    }
}

#[test]
fn unsafe_code_stays_in_kernels() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    sources(&root().join("examples"), &mut files);
    sources(&root().join("src"), &mut files);
    for path in files {
        let name = path.to_string_lossy().replace('\\', "/");
        // The counting allocator of the tests is the one exception.
        let counts = name.ends_with("/testkit/src/allocation.rs");
        if name.contains("/kernels/") || counts || name.ends_with("tests/tidy.rs") {
            continue;
        }
        let words = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        assert!(!code(&path).lines().any(words), "{name} has unsafe code");
    }
}

#[test]
fn sources_are_one_idea_a_file() {
    let mut files = Vec::new();
    for folder in ["crates", "benches", "examples", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    for path in files {
        let text = fs::read_to_string(&path).expect("a readable source");
        assert!(text.starts_with("//!"), "{} does not open with what it is", path.display());
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines: is it still one idea?", path.display());
        for banned in ["todo!(", "unimplemented!(", "dbg!("] {
            let own = path.ends_with("tests/tidy.rs");
            assert!(own || !text.contains(banned), "{} contains {banned}", path.display());
        }
    }
}
