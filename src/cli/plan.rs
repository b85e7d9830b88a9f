//! `explant plan`

use explant::Result;
use explant::plan::table;

use super::arguments::Input;
use super::report;

pub fn run(input: &Input) -> Result<()> {
    let plan = input.plan(&input.config()?)?;
    if input.json {
        println!("{:#}", table::json(&plan));
    } else {
        print!("{}", table::text(&plan));
        report::findings(&plan.findings);
    }
    Ok(())
}
