//! Plots as SVG text: lines between logarithmic axes. Colours are such that they can be read on
//! light and dark ground; everything that is not a line takes the colour of the page's text.

use plotters::prelude::*;

/// Width, and height without the names of the lines, in pixels at full size.
const SIZE: (u32, u32) = (860, 420);
/// The names of the lines stand above the plot, so that no line runs through them.
const NAMES_PER_ROW: usize = 2;
const NAME_HEIGHT: u32 = 22;
const NAMES_LEFT: i32 = 88;
const NAME_WIDTH: i32 = 380;
/// How many values are marked on the vertical axis before only powers of ten are.
const HEIGHTS_MAX: usize = 9;
const LINE_COLOURS: [RGBColor; 8] = [
    RGBColor(0x3b, 0x82, 0xf6),
    RGBColor(0xf5, 0x9e, 0x0b),
    RGBColor(0x10, 0xb9, 0x81),
    RGBColor(0xef, 0x44, 0x44),
    RGBColor(0x8b, 0x5c, 0xf6),
    RGBColor(0x06, 0xb6, 0xd4),
    RGBColor(0xec, 0x48, 0x99),
    RGBColor(0x84, 0x8e, 0x9c),
];
/// What plotters draws black, in the colour of the text.
const INK: (&str, &str) = ("#000000", "currentColor");

/// The horizontal axis: its label, and the places that are marked, with their names.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) marks: Vec<(f64, String)>,
}

/// A line; both values of a point are above 0.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot. Both axes are logarithmic.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y_label: &'static str,
    pub(super) lines: Vec<Line>,
}

impl Plot {
    /// The plot as SVG; `None` when there is nothing to draw.
    pub(super) fn svg(&self) -> Option<String> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        Some(svg.replace(INK.0, INK.1))
    }

    fn draw(&self, svg: &mut String) -> Option<()> {
        let marks: Vec<f64> = self.x.marks.iter().map(|(at, _)| *at).collect();
        let (first, last) = (*marks.first()?, *marks.last()?);
        let x = (first * 0.8..last * 1.25).log_scale();
        let (low, high) = self.height()?;
        let y = (low..high).log_scale().with_key_points(heights(low, high));
        let name_rows = u32::try_from(self.lines.len().div_ceil(NAMES_PER_ROW)).ok()?;
        let names_height = name_rows * NAME_HEIGHT;
        let size = (SIZE.0, SIZE.1 + names_height);
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        let (names, rest) = area.split_vertically(names_height);
        let mut chart = ChartBuilder::on(&rest)
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d(x.with_key_points(marks), y)
            .ok()?;
        let mark = |at: &f64| self.mark(*at);
        chart
            .configure_mesh()
            .x_desc(self.x.label)
            .y_desc(self.y_label)
            .x_label_formatter(&mark)
            .y_label_formatter(&|value| short(*value))
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 16))
            .bold_line_style(BLACK.mix(0.2))
            .max_light_lines(0)
            .draw()
            .ok()?;
        for (number, (line, colour)) in self.lines.iter().zip(colours()).enumerate() {
            let style = colour.stroke_width(2);
            let points = line.points.iter().copied();
            let series = LineSeries::new(points, style).point_size(3);
            chart.draw_series(series).ok()?;
            let (x, y) = name_place(number)?;
            let dash = PathElement::new([(x, y), (x + 18, y)], style);
            names.draw(&dash).ok()?;
            let name = Text::new(line.name.as_str(), (x + 26, y - 7), ("sans-serif", 15));
            names.draw(&name).ok()?;
        }
        area.present().ok()
    }

    /// The lowest and the highest value, with some room.
    fn height(&self) -> Option<(f64, f64)> {
        let values = self.lines.iter().flat_map(|line| &line.points);
        let values = values.map(|&(_, y)| y).filter(|y| *y > 0.0);
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), y| {
            (low.min(y), high.max(y))
        });
        (low <= high).then_some((low * 0.8, high * 1.6))
    }

    fn mark(&self, at: f64) -> String {
        let mut marks = self.x.marks.iter();
        let found = marks.find(|(place, _)| (place - at).abs() <= 1e-9 * place.abs());
        found.map_or_else(String::new, |(_, name)| name.clone())
    }
}

fn colours() -> impl Iterator<Item = &'static RGBColor> {
    LINE_COLOURS.iter().cycle()
}

/// Where the name of line `number` stands.
fn name_place(number: usize) -> Option<(i32, i32)> {
    let column = i32::try_from(number % NAMES_PER_ROW).ok()?;
    let row = u32::try_from(number / NAMES_PER_ROW).ok()?;
    let y = i32::try_from(row * NAME_HEIGHT + NAME_HEIGHT / 2).ok()?;
    Some((NAMES_LEFT + column * NAME_WIDTH, y))
}

/// The values to be marked between two: as many round ones of each power of ten as do not crowd.
fn heights(low: f64, high: f64) -> Vec<f64> {
    let between = |steps: &[f64]| {
        let powers = (-9..=15).map(|power| 10.0_f64.powi(power));
        let all = powers.flat_map(|power| steps.iter().map(move |step| step * power));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let all: Vec<f64> = between(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let some: Vec<f64> = between(&[1.0, 2.0, 5.0]);
    let fitting = [all, some]
        .into_iter()
        .find(|marks| marks.len() <= HEIGHTS_MAX);
    fitting.unwrap_or_else(|| between(&[1.0]))
}

/// A number on an axis.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        value if value >= 1e6 => (value / 1e6, " M"),
        value if value >= 1e3 => (value / 1e3, " k"),
        value => (value, ""),
    };
    // Up to three digits, without zeros that say nothing.
    let digits = if scaled >= 10.0 { 0 } else { 2 };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        Plot {
            x: Axis {
                label: "threads",
                marks: vec![(1.0, "one".to_owned()), (4.0, "four".to_owned())],
            },
            y_label: "commits/s",
            lines: vec![Line {
                name: "the log".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn a_plot_names_its_axes_its_marks_and_its_lines() {
        let svg = plot(vec![(1.0, 1e4), (4.0, 2.2e4)]).svg().unwrap();
        for name in ["threads", "commits/s", "one", "four", "the log"] {
            assert!(svg.contains(name), "{name} in {svg}");
        }
        assert!(!svg.contains(INK.0), "all ink is the text's");
    }

    #[test]
    fn a_vertical_axis_has_marks_however_short_or_long_it_is() {
        for (low, high, expected) in [
            (1.2, 4.8, vec![2.0, 3.0, 4.0]),
            (40.0, 900.0, vec![50.0, 100.0, 200.0, 500.0]),
            (0.9, 2e4, vec![1.0, 10.0, 100.0, 1e3, 1e4]),
        ] {
            assert_eq!(heights(low, high), expected);
        }
    }

    #[test]
    fn every_name_has_a_place_of_its_own_above_the_plot() {
        let lines = ["a", "b", "c"].map(|name| Line {
            name: format!("line {name}"),
            points: vec![(1.0, 2.0), (4.0, 3.0)],
        });
        let mut plot = plot(Vec::new());
        plot.lines = lines.into();
        let svg = plot.svg().unwrap();
        assert!(svg.contains("height=\"464\""), "two rows of names: {svg}");
        let places: Vec<_> = (0..3).map(|number| name_place(number).unwrap()).collect();
        assert_eq!(places, [(88, 11), (468, 11), (88, 33)]);
    }

    #[test]
    fn nothing_to_draw_is_no_plot() {
        assert_eq!(plot(Vec::new()).svg(), None);
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        for (value, expected) in [
            (0.5, "0.5"),
            (1.0, "1"),
            (12.0, "12"),
            (1_500.0, "1.5 k"),
            (230_000.0, "230 k"),
            (1e6, "1 M"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
