//! The README tells the truth: its example is a file that runs, and its commands and files exist.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_example_of_the_readme_is_a_file_that_runs() {
    let example = read("examples/first.rs");
    let code: Vec<&str> = example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
    assert!(read("README.md").contains(&code.join("\n")), "README.md and examples/first.rs differ");
    assert!(code.len() <= 18, "the example of the README is short");
}

#[test]
fn linked_files_exist() {
    let pages = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).expect("the folder of documents");
    let names = pages.map(|page| format!("docs/{}", page.expect("a file").file_name().to_string_lossy()));
    let pages: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    assert!(pages.len() > 5, "{pages:?}");
    for document in ["README.md", "CONTRIBUTING.md"].into_iter().chain(pages.iter().map(String::as_str)) {
        let folder = Path::new(document).parent().expect("a file has a folder").to_path_buf();
        for link in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") && !link.starts_with('#') {
                let target = folder.join(link.split('#').next().expect("split yields one part"));
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&target);
                assert!(path.exists(), "{document} links to {link}, which does not exist");
            }
        }
    }
}
