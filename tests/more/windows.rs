//! Programs that draw a window, on a screen that is in memory (Xvfb), looked at in a screenshot.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bundle, Layout, Machine, scratch_folder, succeeds};
use crate::relocated::{relocatable, unpacked};

/// What the windows of tests/corpus/more.nix have in them: a picture that a plugin reads, their own colour, and text.
const PICTURE: &str = "#CC0000";
const BACKGROUND: &str = "#204A87";
const TEXT: &str = "#FFFFFF";

#[test]
fn gtk_flat() {
    draws("gtk", Layout::Flat);
}

#[test]
fn gtk_store() {
    draws("gtk", Layout::Store);
}

#[test]
fn qt_flat() {
    draws("qt", Layout::Flat);
}

#[test]
fn qt_store() {
    draws("qt", Layout::Store);
}

#[test]
fn gtk_anywhere() {
    draws_anywhere("gtk");
}

#[test]
fn qt_anywhere() {
    draws_anywhere("qt");
}

fn draws(name: &str, layout: Layout) {
    let bundle = Bundle::build(name, layout);
    for target in ["scratch", "bullseye"] {
        let machine = Machine::watched(target);
        machine.outside("dpkg-deb -x $1 $ROOT", &bundle.artifact(".deb"));
        draws_from(&machine, Path::new(&bundle.case.prefix));
    }
}

/// From a folder with a space in its name, moved after it was unpacked.
fn draws_anywhere(name: &str) {
    let bundle = relocatable(name);
    for target in ["scratch", "bullseye"] {
        let machine = Machine::kept_from(target, format!("{}/", bundle.case.prefix));
        let top = unpacked(&machine, &bundle.artifact(".tar."), "/srv/my programs");
        machine.outside("mv \"$ROOT$1\" \"$ROOT/moved away\"", &top);
        draws_from(&machine, Path::new("/moved away"));
    }
}

/// Whether the program below a folder of a machine draws its window.
fn draws_from(machine: &Machine, folder: &Path) {
    let screen = Screen::new();
    let line = format!(
        "mkdir -p /tmp/.X11-unix; ln -s /mnt/X{0} /tmp/.X11-unix; DISPLAY=:{0} '{1}/bin/window'",
        screen.number,
        folder.display()
    );
    let sockets = Path::new("/tmp/.X11-unix");
    let program =
        machine.with_folder(sockets).args(["sh", "-euc", &line]).stderr(Stdio::piped()).spawn().unwrap();
    let is_drawn = screen.shows_all();
    drop(screen); // which ends the program
    let told = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    is_drawn.unwrap_or_else(|seen| panic!("{line}: draws {seen}\n{said}"));
    machine.asked_for_nothing_of_nix(&line);
}

/// An X server of 640 by 480 points.
struct Screen {
    server: Child,
    number: u32,
}

impl Screen {
    fn new() -> Screen {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-ac", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Screen { server, number: number.trim().parse().unwrap() }
    }

    /// Waits for a minute until all is drawn; else, the colours that are most of what is.
    fn shows_all(&self) -> Result<(), String> {
        let since = Instant::now();
        loop {
            let colours = self.colours();
            let has = |colour: &str, at_least: usize| {
                colours.iter().any(|(count, name)| name == colour && *count >= at_least)
            };
            // A square of 200 by 200, most of a window of 600 by 400, and the inside of letters 40 points high.
            if has(PICTURE, 39_000) && has(BACKGROUND, 100_000) && has(TEXT, 300) {
                return Ok(());
            }
            if since.elapsed() > Duration::from_secs(60) {
                return Err(format!("{:?}", &colours[..colours.len().min(5)]));
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// How many points have which colour, most first.
    fn colours(&self) -> Vec<(usize, String)> {
        let folder = scratch_folder();
        let shot = folder.path().join("shot.xwd");
        let display = format!(":{}", self.number);
        succeeds(Command::new("xwd").args(["-silent", "-root", "-display", &display, "-out"]).arg(&shot));
        assert!(fs::metadata(&shot).unwrap().len() > 640 * 480 * 3);
        let told = succeeds(Command::new("convert").arg(&shot).args(["-format", "%c", "histogram:info:-"]));
        //   40000: (204,0,0) #CC0000 srgb(204,0,0)
        let colour = |line: &str| {
            let (count, rest) = line.trim().split_once(':')?;
            let name = rest.split_whitespace().find(|word| word.starts_with('#'))?;
            Some((count.parse().ok()?, name.to_owned()))
        };
        let mut colours: Vec<(usize, String)> = told.lines().filter_map(colour).collect();
        colours.sort();
        colours.reverse();
        colours
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
