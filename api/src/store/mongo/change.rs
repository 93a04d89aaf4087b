//! Guards as a filter, changes as an update document.

use bson::{Bson, Document, doc};

use crate::store::{Guard, Op};

/// The filter that finds this document if all guards hold.
pub(super) fn filter(id: &Bson, guards: &[Guard]) -> Document {
    let mut all = vec![doc! { "_id": id }];
    all.extend(guards.iter().map(condition));
    if all.len() == 1 {
        all.remove(0)
    } else {
        doc! { "$and": all }
    }
}

/// MongoDB's equality is the port's: an absent field equals null, one equal item is enough.
fn condition(guard: &Guard) -> Document {
    match guard {
        Guard::Equals(path, value) => doc! { *path: { "$eq": value } },
        Guard::OneOf(path, values) => doc! { *path: { "$in": values } },
        Guard::Below(path, bound) => {
            doc! { "$or": [{ *path: Bson::Null }, { *path: { "$lt": bound } }] }
        }
    }
}

/// The update that makes these changes.
pub(super) fn update(ops: &[Op]) -> Document {
    let mut operators = Document::new();
    for op in ops {
        let (operator, path, value) = match op {
            Op::Set(path, value) => ("$set", path, value.clone()),
            Op::Unset(path) => ("$unset", path, Bson::from("")),
            Op::Increment(path, by) => ("$inc", path, Bson::Int64(*by)),
            Op::Max(path, value) => ("$max", path, value.clone()),
            Op::Push { path, item, keep } => ("$push", path, push(item, *keep)),
        };
        let fields = operators.entry(operator.to_owned()).or_insert_with(|| Document::new().into());
        if let Bson::Document(fields) = fields {
            fields.insert(path.as_str(), value);
        }
    }
    if operators.is_empty() {
        // An update without an operator would be read as a replacement.
        operators.insert("$set", Document::new());
    }
    operators
}

fn push(item: &Bson, keep: usize) -> Bson {
    let newest = i64::try_from(keep).unwrap_or(i64::MAX).saturating_neg();
    Bson::Document(doc! { "$each": [item], "$slice": newest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_kind_share_an_operator() {
        let ops = [
            Op::Set("a".into(), 1.into()),
            Op::Set("b.c".into(), 2.into()),
            Op::Unset("d".into()),
            Op::Push { path: "e".into(), item: 3.into(), keep: 20 },
        ];
        let expected = doc! {
            "$set": { "a": 1, "b.c": 2 },
            "$unset": { "d": "" },
            "$push": { "e": { "$each": [3], "$slice": -20_i64 } },
        };
        assert_eq!(update(&ops), expected);
    }

    #[test]
    fn no_change_is_no_replacement() {
        assert_eq!(update(&[]), doc! { "$set": {} });
    }
}
