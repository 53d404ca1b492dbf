//! MLflow: `mlflow.spanInputs` and `mlflow.spanOutputs`, JSON of whatever a function was given and gave. Read where that is
//! messages.

use super::{Dialect, whole};

pub(super) static DIALECT: Dialect = Dialect {
    name: "mlflow",
    starts: b"m",
    carries: |key| key == b"mlflow.spanInputs" || key == b"mlflow.spanOutputs",
    read: |span| whole::read(span, "mlflow.spanInputs", "mlflow.spanOutputs", whole::Plain::Nothing),
    ..Dialect::NONE
};
