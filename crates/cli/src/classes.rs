//! Which classes of work a command means.

use piecework_chain::{Coordinator, ViewError};
use piecework_client::views::pages;
use piecework_console::Problem;
use piecework_interface::{call::PAGE_MAX, ids::ClassId, view::Class};

/// All registered classes, by number.
///
/// # Errors
/// If the coordinator cannot be asked.
pub async fn all(coordinator: &Coordinator) -> Result<Vec<Class>, ViewError> {
    let end = u32::from(coordinator.root().await?.value.next_class);
    let mut classes = Vec::new();
    for from in pages(end) {
        let from = ClassId(u16::try_from(from).unwrap_or(u16::MAX));
        classes.extend(coordinator.classes(from, PAGE_MAX).await?);
    }
    Ok(classes)
}

/// The class of this number; without one, the only registered class.
///
/// # Errors
/// If there is none of the number, or several are registered and none is named.
pub fn select<'a>(classes: &'a [Class], number: Option<u16>, option: &str) -> Result<&'a Class, Problem> {
    let none = || Problem::new("no class of work is registered", "register one: `piecework class register NAME`");
    let named = || format!("pass {option} with one of: {}", names(classes));
    match (number, classes) {
        (_, []) => Err(none()),
        (None, [only]) => Ok(only),
        (None, _) => Err(Problem::new("several classes are registered", named())),
        (Some(number), _) => {
            let found = classes.iter().find(|class| class.class.0 == number);
            found.ok_or_else(|| Problem::new(format!("there is no class {number}"), named()))
        }
    }
}

/// Classes with their names, as a list.
fn names(classes: &[Class]) -> String {
    let names: Vec<String> = classes.iter().map(|class| format!("{} ({})", class.class, class.name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;

    fn classes(names: &[&str]) -> Vec<Class> {
        let class = |(number, name): (u16, &&str)| Class {
            class: ClassId(number),
            name: (*name).to_owned(),
            ..Class::default()
        };
        (0..).zip(names).map(class).collect()
    }

    #[test]
    fn class__should_be_found_by_number_or_be_the_only_one() {
        assert_eq!(select(&classes(&["a", "b"]), Some(1), "--class").unwrap().name, "b");
        assert_eq!(select(&classes(&["a"]), None, "--class").unwrap().name, "a");
    }

    #[test]
    fn class__should_be_refused_with_the_registered_ones() {
        for (names, number, what, fix) in [
            (&["a", "b"][..], Some(2), "there is no class 2", "pass --class with one of: 0 (a), 1 (b)"),
            (&["a", "b"], None, "several classes are registered", "pass --class with one of: 0 (a), 1 (b)"),
            (&[], None, "no class of work is registered", "register one: `piecework class register NAME`"),
        ] {
            let error = anyhow::Error::from(select(&classes(names), number, "--class").unwrap_err());
            assert_eq!((error.to_string().as_str(), fix_of(&error)), (what, Some(fix)));
        }
    }
}
