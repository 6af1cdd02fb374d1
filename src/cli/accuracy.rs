//! `waferscope accuracy`: every published measurement that the program carries, beside its prediction.

use clap::Args;
use serde_json::{Value, json};

use super::output::Output;
use super::{Format, Verdict};
use crate::analytic::{FIDELITY, constants};
use crate::lab::accuracy::{self, Accuracy, Group, Row};
use crate::scenario::file::published::Bound;
use crate::units::format;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) format: Format,
}

pub(super) fn run(_arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let accuracy = accuracy::accuracy()?;
    output.result(&object(&accuracy), || text(&accuracy))?;
    Ok(Verdict::Good)
}

fn object(accuracy: &Accuracy) -> Value {
    let prices = accuracy.prices.iter().map(|price| {
        json!({
            "name": price.name,
            "mark": "fitted",
            "used_cycles": price.used,
            "fitted_cycles": price.fitted,
            "smallest_without_one_row_cycles": price.range[0],
            "largest_without_one_row_cycles": price.range[1],
        })
    });
    let constants = constants::ALL.iter().map(|constant| {
        json!({
            "name": constant.name,
            "value": constant.value,
            "unit": constant.unit,
            "mark": constant.mark.word(),
            "source": constant.source,
        })
    });
    json!({
        "fidelity": FIDELITY,
        "rows": accuracy.rows.iter().map(row).collect::<Vec<_>>(),
        "groups": accuracy.groups.iter().map(group).collect::<Vec<_>>(),
        "prices": prices.collect::<Vec<_>>(),
        "constants": constants.collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    json!({
        "id": row.id,
        "group": row.group,
        "what": row.what,
        "unit": row.unit,
        "published": row.published,
        "bound": bound(row.bound),
        "predicted": row.predicted.as_ref().ok(),
        "error_percent": row.error_percent(),
        "not_predicted_because": row.predicted.as_ref().err(),
        "fitted": row.fitted,
        "left_out_error_percent": row.left_out_percent(),
        "source": row.source,
    })
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Exactly => "exactly",
        Bound::AtMost => "at most",
        Bound::AtLeast => "at least",
    }
}

fn group(group: &Group) -> Value {
    json!({
        "name": group.name,
        "fitted": group.fitted,
        "rows": group.rows,
        "predicted": group.predicted,
        "median_error_percent": group.median_percent,
        "worst_error_percent": group.worst_percent,
        "left_out_median_error_percent": group.left_out_median_percent,
        "left_out_worst_error_percent": group.left_out_worst_percent,
    })
}

fn text(accuracy: &Accuracy) -> String {
    let mut text = format!("{FIDELITY} predictions of published measurements\n");
    for group in &accuracy.groups {
        let fitted = if group.fitted { " (fitted)" } else { "" };
        text.extend(["\n", group.name.as_str(), fitted, "\n"]);
        for row in accuracy.rows.iter().filter(|row| row.group == group.name) {
            let published = number(row.published);
            let line = match (&row.predicted, row.error_percent()) {
                (Ok(value), Some(error)) => {
                    let predicted = number(*value);
                    format!("  {:<62}{published:>12} {:<10}{predicted:>12}{error:>+8.1} %\n", row.what, row.unit)
                }
                (Err(why), _) => format!("  {:<62}{published:>12} {:<10}  not predicted: {why}\n", row.what, row.unit),
                (Ok(_), None) => String::new(),
            };
            text.push_str(&line);
        }
    }
    text.push_str(&summary(accuracy));
    text
}

/// Five digits, or three and a prefix where they would not do.
fn number(value: f64) -> String {
    if value < 1e9 { format::significant(value, 5) } else { format::prefixed(value) }
}

fn summary(accuracy: &Accuracy) -> String {
    let header = ["predicted", "median", "worst", "left out", "worst"];
    let mut text = format!("\nsize of the error in per cent; \"left out\": of a fit without the row\n{:<42}", "");
    text.extend(header.map(|word| format!("{word:>11}")));
    text.push('\n');
    for group in &accuracy.groups {
        let numbers =
            [group.median_percent, group.worst_percent, group.left_out_median_percent, group.left_out_worst_percent];
        let share = format!("{} of {}", group.predicted, group.rows);
        let numbers = numbers.map(|number| number.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}")));
        text.extend([format!("  {:<40}{share:>11}", group.name)]);
        text.extend(numbers.map(|number| format!("{number:>11}")));
        text.push('\n');
    }
    text.push_str("\nfitted prices in cycles: used, fitted again today, and over fits without one row\n");
    for price in &accuracy.prices {
        let [low, high] = price.range;
        let line = format!("  {:<20}{:>9.2}{:>9.2}{low:>11.2} to {high:.2}\n", price.name, price.used, price.fitted);
        text.push_str(&line);
    }
    text
}
