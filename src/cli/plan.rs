//! `explant plan`

use clap::Args;

use explant::Result;
use explant::plan::table;

use super::arguments::Input;
use super::report;

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
                println!("{:#}", serde_json::json!(steps));
            } else {
                steps.iter().for_each(|step| println!("{}\n  {}", step.file, step.how));
            }
        }
        None if input.json => println!("{:#}", table::json(&plan)),
        None => {
            print!("{}", table::text(&plan));
            report::findings(&plan.findings);
        }
    }
    Ok(())
}
