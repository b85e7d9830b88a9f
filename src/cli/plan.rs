//! `explant plan`

use clap::Args;

use explant::Result;
use explant::plan::table;

use super::arguments::Input;
use super::{report, tell};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    pub input: Input,
    /// Tell by what chain this path of the bundle is reached from the result, and nothing else.
    #[arg(long, value_name = "PATH")]
    pub why: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input, why } = arguments;
    let plan = input.plan(&input.config()?)?;
    match why {
        Some(path) => {
            let steps = plan.why(path)?;
            if input.json {
                return tell::out(format_args!("{:#}\n", serde_json::json!(steps)));
            }
            let lines = steps.iter().map(|step| format!("{}\n  {}\n", step.file, step.how));
            tell::out(lines.collect::<String>())
        }
        None if input.json => tell::out(format_args!("{:#}\n", table::json(&plan))),
        None => {
            tell::out(table::text(&plan))?;
            report::findings(&plan.findings);
            Ok(())
        }
    }
}
