//! Plots as SVG text: lines between logarithmic axes. Colours are such that they can be read on
//! light and dark ground; everything that is not a line takes the colour of the page's text.

use plotters::prelude::*;

/// Width and height, in pixels at full size.
const SIZE: (u32, u32) = (860, 420);
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
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d(x.with_key_points(marks), (low..high).log_scale())
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
        for (line, colour) in self.lines.iter().zip(LINE_COLOURS.iter().cycle()) {
            let style = colour.stroke_width(2);
            let points = line.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points.clone(), style).point_size(3))
                .ok()?
                .label(line.name.as_str())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 15))
            .draw()
            .ok()?;
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
