//! The encoding against a comparison of the values themselves.

use std::cmp::Ordering;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Timestamp};
use proptest::prelude::*;

use super::*;

/// MongoDB's comparison, said directly.
fn compare(one: &Bson, other: &Bson) -> Ordering {
    rank(one).cmp(&rank(other)).then_with(|| match (one, other) {
        (Bson::String(a), Bson::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bson::Binary(a), Bson::Binary(b)) => (a.bytes.len(), u8::from(a.subtype), &a.bytes)
            .cmp(&(b.bytes.len(), u8::from(b.subtype), &b.bytes)),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.bytes().cmp(&b.bytes()),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::DateTime(a), Bson::DateTime(b)) => a.timestamp_millis().cmp(&b.timestamp_millis()),
        (Bson::Timestamp(a), Bson::Timestamp(b)) => {
            (a.time, a.increment).cmp(&(b.time, b.increment))
        }
        (Bson::Double(a), Bson::Double(b)) => doubles(*a, *b),
        (Bson::Double(a), b) => double_and_whole(*a, whole(b)),
        (a, Bson::Double(b)) => double_and_whole(*b, whole(a)).reverse(),
        (a, b) => whole(a).cmp(&whole(b)),
    })
}

fn rank(value: &Bson) -> Option<usize> {
    use bson::spec::ElementType as Kind;

    let kinds: [&[Kind]; 8] = [
        &[Kind::Null],
        &[Kind::Int32, Kind::Int64, Kind::Double],
        &[Kind::String],
        &[Kind::Binary],
        &[Kind::ObjectId],
        &[Kind::Boolean],
        &[Kind::DateTime],
        &[Kind::Timestamp],
    ];
    kinds.iter().position(|kinds| kinds.contains(&value.element_type()))
}

/// The whole number; 0 for what has no value but its kind.
fn whole(value: &Bson) -> i64 {
    value.as_i64().or(value.as_i32().map(i64::from)).unwrap_or_default()
}

fn doubles(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| other.is_nan().cmp(&one.is_nan()))
}

/// Compares without rounding the whole number: by the double's whole part, then its fraction.
fn double_and_whole(double: f64, whole: i64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() || double < -TWO_TO_63 {
        return Ordering::Less;
    }
    if double >= TWO_TO_63 {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within range above")]
    let floor = double.floor() as i64;
    floor.cmp(&whole).then(if double > double.floor() {
        Ordering::Greater
    } else {
        Ordering::Equal
    })
}

fn any_number() -> impl Strategy<Value = Bson> {
    prop_oneof![
        prop::sample::select(numbers_at_edges()),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        (-9_i32..9).prop_map(Bson::Int32),
        (-9_i32..9).prop_map(|number| Bson::Double(f64::from(number) / 2.0)),
        prop::num::f64::ANY.prop_map(Bson::Double),
    ]
}

/// Numbers around the places where int64 and double part ways, as both, and the odd doubles.
fn numbers_at_edges() -> Vec<Bson> {
    const EDGES: [i64; 9] =
        [0, 1 << 31, 1 << 53, -(1 << 53), 3 << 60, 1 << 62, -(1 << 62), i64::MAX, i64::MIN];
    let near =
        EDGES.into_iter().flat_map(|edge| (-3..4).map(move |step| edge.saturating_add(step)));
    #[expect(clippy::cast_precision_loss, reason = "rounding near the edges is the point")]
    let mut numbers: Vec<_> =
        near.flat_map(|near| [Bson::Int64(near), Bson::Double(near as f64)]).collect();
    let odd = [-0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
    numbers.extend(odd.map(Bson::Double));
    numbers
}

fn any_value() -> impl Strategy<Value = Bson> {
    let binary = |bytes| Bson::Binary(bson::Binary { subtype: BinarySubtype::Generic, bytes });
    prop_oneof![
        Just(Bson::Null),
        any_number(),
        "[a-c\0\u{7f}\u{ff}]{0,4}".prop_map(Bson::String),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(binary),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes))),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i64>().prop_map(|at| Bson::DateTime(DateTime::from_millis(at))),
        any::<(u32, u32)>()
            .prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
    ]
}

fn tuple(values: &[Bson]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        push_bson(&mut out, value);
    }
    out
}

proptest! {
    #[test]
    fn numbers_order_by_value(a in any_number(), b in any_number()) {
        prop_assert_eq!(of(&a).cmp(&of(&b)), compare(&a, &b));
    }

    #[test]
    fn texts_order_by_their_bytes(a in "[a\0\u{1}\u{ff}]{0,3}", b in "[a\0\u{1}\u{ff}]{0,3}") {
        let (one, other) = (tuple(&[a.clone().into(), 1.into()]), tuple(&[b.clone().into(), 0.into()]));
        prop_assert_eq!(one.cmp(&other), a.cmp(&b).then(Ordering::Greater));
    }

    #[test]
    fn tuples_order_by_their_first_difference(
        (a, b) in (0_usize..4).prop_flat_map(|len| {
            let values = || prop::collection::vec(any_value(), len);
            (values(), values())
        })
    ) {
        let expected = a.iter().zip(&b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
        prop_assert_eq!(tuple(&a).cmp(&tuple(&b)), expected.unwrap_or(Ordering::Equal));
    }

    #[test]
    fn no_value_begins_another(a in any_value(), b in any_value()) {
        let (a, b) = (of(&a), of(&b));
        prop_assert!(a == b || !b.starts_with(&a));
    }

    #[test]
    fn behind_is_the_bound_of_all_that_begin_so(a in any_value(), tail in any_value(), b in any_value()) {
        let (begin, tail, other) = (of(&a), of(&tail), of(&b));
        let bound = behind(begin.clone());
        prop_assert!([begin.as_slice(), &tail].concat() < bound);
        prop_assert_eq!(other >= bound, other > begin && !other.starts_with(&begin));
    }
}

#[test]
fn numbers_at_the_edges_of_precision_order_by_value() {
    let numbers = numbers_at_edges();
    for a in &numbers {
        for b in &numbers {
            assert_eq!(of(a).cmp(&of(b)), compare(a, b), "{a} to {b}");
        }
    }
}

#[test]
fn kinds_stand_in_mongodbs_order() {
    let kinds = [
        Bson::MinKey,
        Bson::Undefined,
        Bson::Null,
        Bson::Double(f64::NAN),
        Bson::Double(f64::NEG_INFINITY),
        Bson::Int32(-1),
        Bson::Double(-0.0),
        Bson::Double(f64::INFINITY),
        Bson::String(String::new()),
        Bson::Document(bson::doc! {}),
        Bson::Array(Vec::new()),
        Bson::Binary(bson::Binary { subtype: BinarySubtype::Generic, bytes: Vec::new() }),
        Bson::ObjectId(ObjectId::from_bytes([0; 12])),
        Bson::Boolean(false),
        Bson::Boolean(true),
        Bson::DateTime(DateTime::from_millis(i64::MIN)),
        Bson::DateTime(DateTime::from_millis(-1)),
        Bson::DateTime(DateTime::from_millis(0)),
        Bson::Timestamp(Timestamp { time: 0, increment: 0 }),
        Bson::MaxKey,
    ];
    for pair in kinds.windows(2) {
        assert!(of(&pair[0]) < of(&pair[1]), "{} before {}", pair[0], pair[1]);
    }
}
