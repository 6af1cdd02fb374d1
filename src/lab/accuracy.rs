//! Every published measurement that the program carries, predicted by the ANALYTIC ruler.
//!
//! A row says how far the prediction is off, or why there is none. For rows that the kernel prices are fitted to it also
//! says how far a fit without that row would have been off it. Fits give each group the same weight, whatever its rows.

use thiserror::Error;

use super::fit::{Equation, least_squares};
use super::predict::{Predicted, Predictor, describe};
use crate::analytic::Prices;
use crate::scenario::file::FileError;
use crate::scenario::file::published::{self, Bound, Published};

/// A measurement beside its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: String,
    pub group: String,
    /// What was measured, for people.
    pub what: String,
    pub unit: String,
    pub published: f64,
    pub bound: Bound,
    /// Text and place that it stands in.
    pub source: String,
    /// The prediction in the same unit, or why there is none.
    pub predicted: Result<f64, String>,
    /// Whether the kernel prices are fitted to it.
    pub fitted: bool,
    /// Prediction of a fit without this row, in the same unit.
    pub left_out: Option<f64>,
}

impl Row {
    /// How far a value is above the published one, in per cent; 0 where the published one is a bound that it keeps.
    fn percent(&self, value: f64) -> f64 {
        let percent = (value / self.published - 1.0) * 100.0;
        match self.bound {
            Bound::Exactly => percent,
            Bound::AtMost => percent.max(0.0),
            Bound::AtLeast => percent.min(0.0),
        }
    }

    /// Error of the prediction in per cent, if there is one.
    pub fn error_percent(&self) -> Option<f64> {
        self.predicted.as_ref().ok().map(|value| self.percent(*value))
    }

    /// Error in per cent of a fit without this row.
    pub fn left_out_percent(&self) -> Option<f64> {
        self.left_out.map(|value| self.percent(value))
    }
}

/// Rows of one kind together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub fitted: bool,
    pub rows: usize,
    pub predicted: usize,
    /// Of the sizes of the errors in per cent; `None` if nothing was predicted.
    pub median_percent: Option<f64>,
    pub worst_percent: Option<f64>,
    /// The same for fits without the row that they predict.
    pub left_out_median_percent: Option<f64>,
    pub left_out_worst_percent: Option<f64>,
}

/// A fitted price beside what a fit of today gives, in cycles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    pub name: &'static str,
    pub used: f64,
    pub fitted: f64,
    /// Smallest and largest value over the fits that leave one row out.
    pub range: [f64; 2],
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    pub rows: Vec<Row>,
    pub groups: Vec<Group>,
    pub prices: Vec<Price>,
}

/// Why there is no comparison.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccuracyError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the fitted rows do not tell the six kernel prices apart")]
    Undetermined,
}

/// One row of the fit.
struct FitRow {
    /// Index in the list of all rows.
    index: usize,
    equation: Equation<6>,
    /// Whether the published value falls with the time.
    inverse: bool,
}

/// Predicts every row of the measurements that come with the program.
///
/// # Errors
/// If they cannot be read or do not determine the prices, which the tests rule out.
pub fn accuracy() -> Result<Accuracy, AccuracyError> {
    compare(&published::builtin()?)
}

/// The same for other measurements.
///
/// # Errors
/// If the fitted rows do not determine the prices.
pub fn compare(published: &Published) -> Result<Accuracy, AccuracyError> {
    let predictor = Predictor::default();
    let used = predictor.fitted();
    let mut rows = Vec::new();
    let mut fit = Vec::new();
    for group in &published.groups {
        for row in &group.rows {
            let predicted = predictor.predict(&row.subject, &row.unit, group.clock_ghz, used);
            if group.fitted
                && let Ok(prediction) = &predicted
            {
                let weight = 1.0 / group.rows.len() as f64;
                let inverse = prediction.inverse;
                let again = |fitted| predictor.predict(&row.subject, &row.unit, group.clock_ghz, fitted);
                let equation = Equation::probe(|fitted| relative(&again(fitted), row.value), weight);
                fit.push(FitRow { index: rows.len(), equation, inverse });
            }
            let place = if row.place.is_empty() { String::new() } else { format!(", {}", row.place) };
            rows.push(Row {
                id: row.id.clone(),
                group: group.name.clone(),
                what: describe(&row.subject),
                unit: row.unit.clone(),
                published: row.value,
                bound: row.bound,
                source: format!("{}{place}", published.source(&row.source)),
                predicted: predicted.map(|prediction| prediction.value),
                fitted: group.fitted,
                left_out: None,
            });
        }
    }
    let prices = leave_one_out(&mut rows, &fit, used).ok_or(AccuracyError::Undetermined)?;
    let groups = published.groups.iter().map(|group| summarise(group, &rows)).collect();
    Ok(Accuracy { rows, groups, prices })
}

/// A prediction over its measurement, both as times.
fn relative(predicted: &Result<Predicted, String>, measured: f64) -> f64 {
    match predicted {
        Ok(Predicted { value, inverse: true }) => measured / *value,
        Ok(Predicted { value, inverse: false }) => *value / measured,
        Err(_) => 0.0,
    }
}

/// Fits all rows together and then without each; fills in what each fit says of the row that it has not seen.
fn leave_one_out(rows: &mut [Row], fit: &[FitRow], used: [f64; 6]) -> Option<Vec<Price>> {
    let all = least_squares(fit.iter().map(|row| row.equation))?;
    let mut ranges = all.map(|value| [value, value]);
    for (left, row) in fit.iter().enumerate() {
        let others = fit.iter().enumerate().filter(|(index, _)| *index != left);
        let prices = least_squares(others.map(|(_, row)| row.equation))?;
        for (range, value) in ranges.iter_mut().zip(prices) {
            *range = [range[0].min(value), range[1].max(value)];
        }
        let relative = row.equation.relative(&prices);
        let measured = &mut rows[row.index];
        measured.left_out = Some(measured.published * if row.inverse { 1.0 / relative } else { relative });
    }
    let prices = Prices::FITTED.into_iter().enumerate();
    Some(
        prices
            .map(|(index, name)| Price { name, used: used[index], fitted: all[index], range: ranges[index] })
            .collect(),
    )
}

fn summarise(group: &published::Group, rows: &[Row]) -> Group {
    let members: Vec<&Row> = rows.iter().filter(|row| row.group == group.name).collect();
    let errors = sorted(members.iter().filter_map(|row| row.error_percent()));
    let left_out = sorted(members.iter().filter_map(|row| row.left_out_percent()));
    Group {
        name: group.name.clone(),
        fitted: group.fitted,
        rows: members.len(),
        predicted: errors.len(),
        median_percent: median(&errors),
        worst_percent: errors.last().copied(),
        left_out_median_percent: median(&left_out),
        left_out_worst_percent: left_out.last().copied(),
    }
}

/// Sizes of errors, the smallest first.
fn sorted(errors: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sizes: Vec<f64> = errors.map(f64::abs).collect();
    sizes.sort_by(f64::total_cmp);
    sizes
}

/// The middle of a sorted list, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}
