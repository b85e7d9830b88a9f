//! `explant plan`

use explant::Result;
use explant::plan::table;

use super::arguments::Input;
use super::{report, tell};

pub fn run(input: &Input) -> Result<()> {
    let plan = input.plan(&input.config()?)?;
    if input.json {
        return tell::out(format_args!("{:#}\n", table::json(&plan)));
    }
    tell::out(table::text(&plan))?;
    report::findings(&plan.findings);
    Ok(())
}
