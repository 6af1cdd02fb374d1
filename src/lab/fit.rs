//! Least squares for a handful of prices in which every prediction is linear, and what each row is worth to them.

/// One equation: the prediction over the measurement is `constant + coefficients · prices`, and should be 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equation<const N: usize> {
    pub constant: f64,
    pub coefficients: [f64; N],
    /// How much it counts.
    pub weight: f64,
}

impl<const N: usize> Equation<N> {
    /// Probes a prediction, relative to its measurement, that is linear in the prices.
    pub fn probe(relative: impl Fn([f64; N]) -> f64, weight: f64) -> Self {
        let constant = relative([0.0; N]);
        let coefficients = std::array::from_fn(|index| {
            let mut unit = [0.0; N];
            unit[index] = 1.0;
            relative(unit) - constant
        });
        Self { constant, coefficients, weight }
    }

    /// Prediction over measurement at these prices.
    pub fn relative(&self, prices: &[f64; N]) -> f64 {
        self.constant + self.coefficients.iter().zip(prices).map(|(a, b)| a * b).sum::<f64>()
    }
}

/// The prices with the least weighted sum of squared relative errors; `None` if the equations do not tell them apart.
pub fn least_squares<const N: usize>(equations: impl IntoIterator<Item = Equation<N>>) -> Option<[f64; N]> {
    let mut matrix = [[0.0; N]; N];
    let mut right = [0.0; N];
    for equation in equations {
        let missing = 1.0 - equation.constant;
        for row in 0..N {
            let weighted = equation.weight * equation.coefficients[row];
            right[row] += weighted * missing;
            for (sum, coefficient) in matrix[row].iter_mut().zip(equation.coefficients) {
                *sum += weighted * coefficient;
            }
        }
    }
    solve(matrix, right)
}

/// Gaussian elimination with the largest pivot of each column, after scaling rows and columns to a unit diagonal.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    /// Smallest pivot of a scaled matrix that still tells prices apart.
    const PIVOT_MIN: f64 = 1e-10;
    let scale: [f64; N] = std::array::from_fn(|index| matrix[index][index].sqrt());
    if scale.iter().any(|size| !size.is_finite() || *size <= 0.0) {
        return None;
    }
    for row in 0..N {
        right[row] /= scale[row];
        for column in 0..N {
            matrix[row][column] /= scale[row] * scale[column];
        }
    }
    for column in 0..N {
        let size = |row: &usize| matrix[*row][column].abs();
        let pivot = (column..N).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&pivot) < PIVOT_MIN {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..N {
            let factor = matrix[row][column] / matrix[column][column];
            let pivot_row = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(pivot_row).skip(column) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut solution = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| matrix[row][column] * solution[column]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(std::array::from_fn(|index| solution[index] / scale[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_that_made_the_rows_are_found_again() {
        let prices = [3.0, 190.0, 0.5];
        let measured = |work: [f64; 3]| 7.0 + work.iter().zip(prices).map(|(a, b)| a * b).sum::<f64>();
        let works = [[1.0, 0.0, 2.0], [5.0, 1.0, 0.0], [0.0, 2.0, 90.0], [9.0, 9.0, 9.0]];
        let equations = works.map(|work| {
            let model = move |prices: [f64; 3]| 7.0 + work.iter().zip(prices).map(|(a, b)| a * b).sum::<f64>();
            Equation::probe(|prices| model(prices) / measured(work), 1.0)
        });
        let found = least_squares(equations).unwrap();
        assert!(found.iter().zip(prices).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{found:?}");
        assert!((equations[0].relative(&found) - 1.0).abs() < 1e-9);
        // Rows that do not tell two prices apart give none.
        let same = works.map(|[a, _, c]| Equation { constant: 0.0, coefficients: [a, a, c], weight: 1.0 });
        assert_eq!(least_squares(same), None);
    }
}
