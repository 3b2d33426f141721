use std::path::Path;

#[test]
fn conformance__should_name_tests_that_exist() {
    // Given every test of this crate
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        read_rust(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut sources);
    }

    // Then the page names no others, and a test for every rule
    let page = include_str!("../../../CONFORMANCE.md");
    let named: Vec<_> = page.split('`').skip(1).step_by(2).filter(|word| word.contains("__should_")).collect();
    assert!(named.len() > 60, "{}", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    let rows =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| rule") && !line.contains("---"));
    let untested: Vec<_> = rows.filter(|row| !row.contains("__should_")).collect();
    assert!(untested.is_empty(), "no test named: {untested:#?}");
}

fn read_rust(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_rust(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
