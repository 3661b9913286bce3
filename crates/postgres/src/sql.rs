//! Statements with the schema's name in them.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::Schema;

/// The statement with `{schema}` replaced by the quoted name. That is the only thing ever put into a statement, and
/// a [`Schema`] has no character that could end its quotes; everything else is bound.
pub(crate) fn sql(schema: &Schema, text: &str) -> SqlStr {
    let text: Arc<str> = text.replace("{schema}", &format!("\"{schema}\"")).into();
    AssertSqlSafe(text).into_sql_str()
}
