//! Lines of a field map that no consent could ever let out, as the register and the partner stand.

use std::collections::BTreeMap;
use std::ops::Range;

use super::table::File;
use crate::diagnostic::{Text, text};
use crate::document::FieldId;
use crate::policy::model::{Abroad, Purpose, Register, Route};
use crate::vocabulary::{CategoryId, CategorySet, PurposeId};

/// Warns of each field that can never leave; `spans` are the places of the route's fields.
pub(super) fn warn(
    file: &File,
    route: &Route,
    spans: &[Range<usize>],
    bounds: (&Register, &BTreeMap<PurposeId, CategorySet>),
) {
    for (number, (field, span)) in route.fields.iter().zip(spans).enumerate() {
        let Some(category) = field.category else { continue };
        let Some((why, help)) = obstacle(route, category, bounds) else { continue };
        let required = FieldId::try_from(number).is_ok_and(|id| route.required.contains(id));
        let message = if required {
            "`{}` can never leave here: {}; the route requires it, so every transfer is refused"
        } else {
            "`{}` can never leave here: {}"
        };
        let values = vec![Text::value(&category), why];
        file.warning(span.clone(), Text::Template(message, values), help);
    }
}

// What stands against the category for each purpose that could be used; nothing, if one lets it go.
fn obstacle(
    route: &Route,
    category: CategoryId,
    (register, partner): (&Register, &BTreeMap<PurposeId, CategorySet>),
) -> Option<(Text, Text)> {
    let usable = route.purposes.iter().filter_map(|id| {
        let purpose = register.purposes.get(id)?;
        let fits = purpose.active && (purpose.cross_border || !route.is_cross_border());
        fits.then_some((id, purpose, partner.get(id)?))
    });
    let mut obstacles = usable.map(|(id, purpose, listed)| {
        unlisted(*id, purpose, *listed, category)
            .or_else(|| abroad(route, (*id, purpose), category, register))
            .or_else(|| prohibited(route, category, register))
    });
    let first = obstacles.next()??;
    obstacles.all(|obstacle| obstacle.is_some()).then_some(first)
}

fn unlisted(
    id: PurposeId,
    purpose: &Purpose,
    listed: CategorySet,
    category: CategoryId,
) -> Option<(Text, Text)> {
    if !listed.contains(category) {
        return Some((
            text!("the partner's `{}` does not list it", id),
            text!("remove the line, or add the category to `{}` in `[purposes]`", id),
        ));
    }
    (!purpose.categories.contains(category)).then(|| {
        (
            text!("the purpose `{}` does not use it", id),
            text!("remove the line, or add it to `[purpose.{}]` in `register.toml`", id),
        )
    })
}

fn abroad(
    route: &Route,
    (id, purpose): (PurposeId, &Purpose),
    category: CategoryId,
    register: &Register,
) -> Option<(Text, Text)> {
    let help = text!("remove the line, or change `[category.{}]` in `register.toml`", category);
    match register.categories.get(&category)?.abroad {
        _ if !route.is_cross_border() => None,
        Abroad::Allow => None,
        Abroad::IfRequired if purpose.required.contains(category) => None,
        Abroad::IfRequired => {
            Some((text!("`{}` can do without it, so it stays in the country", id), help))
        }
        Abroad::Deny => Some(("the register keeps it in the country".into(), help)),
    }
}

fn prohibited(route: &Route, category: CategoryId, register: &Register) -> Option<(Text, Text)> {
    let held = |country: &&_| {
        register.prohibited.get(country).is_some_and(|categories| categories.contains(category))
    };
    let country = route.countries.iter().find(held)?;
    Some((
        text!("the register prohibits it in `{}`", country),
        "remove the line: no consent can lift a prohibition (94-V Art. 16(4))".into(),
    ))
}
