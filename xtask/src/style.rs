//! How tables look.

use comfy_table::{LineStyle, TableStyle};

/// A line below the header, and no others: rows stay close together.
pub(crate) const TABLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
