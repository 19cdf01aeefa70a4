//! The parameter axes: which values the strategy's parameters take at each point.
//!
//! Points are never listed in memory: an axis is a list of values or a [`Steps`], and a point is
//! decoded from its index, the first name (in byte order) slowest.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fault::{self, Fault, Faults};
use crate::number;
use crate::strategy::Strategy;

use super::fields::{
    Bounds, Fields, Place, add_nearest, number as read_number, plain, shown, wrong_type,
};
use super::steps::{Steps, StepsError};

/// Values by parameter name.
pub(super) type Point = BTreeMap<String, f64>;

/// The parameter part of the product.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    /// Defaults of the strategy overridden by `universalConfig.parameters`.
    base: Point,
    points: Points,
}

#[derive(Clone, Debug)]
enum Points {
    /// One axis a name, names in byte order.
    Grid(Vec<(String, Values)>),
    /// One axis of points as written.
    Listed(Vec<Point>),
}

/// The values of one axis, in order.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Listed(Vec<f64>),
    Stepped(Steps),
}

impl Values {
    pub(super) fn count(&self) -> u128 {
        match self {
            Self::Listed(values) => values.len() as u128,
            Self::Stepped(steps) => steps.count(),
        }
    }

    /// The value at `index`, which is below `count`.
    pub(super) fn at(&self, index: usize) -> f64 {
        match self {
            Self::Listed(values) => values[index],
            Self::Stepped(steps) => steps.at(index as u128),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        (0..usize::try_from(self.count()).unwrap_or(usize::MAX)).map(|index| self.at(index))
    }
}

impl Parameters {
    /// Reads `parameterVariants` of `root` over `parameters` of `config`.
    pub(super) fn read(
        root: &Fields<'_>,
        config: &Fields<'_>,
        scope: &ParameterScope<'_>,
        faults: &mut Faults,
    ) -> Parameters {
        let mut base = scope.defaults();
        if let Some(value) = config.get("parameters") {
            base.extend(scope.point(value, &config.at("parameters"), faults));
        }
        let pointer = root.at("parameterVariants");
        let points = match root.get("parameterVariants") {
            None => Points::Grid(Vec::new()),
            Some(Value::Object(axes)) => scope.grid(axes, &pointer, faults),
            Some(Value::Array(list)) if list.is_empty() => Points::Grid(Vec::new()),
            Some(Value::Array(list)) => scope.list(list, &pointer, faults),
            Some(other) => {
                wrong_type(other, &pointer, "an object of axes or a list of points", faults);
                Points::Grid(Vec::new())
            }
        };
        Parameters { base, points }
    }

    /// The names and lengths of the axes, slowest first; none if there is one point.
    pub(super) fn axes(&self) -> Vec<(Option<&str>, u128)> {
        match &self.points {
            Points::Grid(axes) => {
                axes.iter().map(|(name, values)| (Some(name.as_str()), values.count())).collect()
            }
            Points::Listed(points) => vec![(None, points.len() as u128)],
        }
    }

    /// The JSON values of each axis, in the order of [`Parameters::axes`].
    pub(super) fn axis_values(&self) -> Vec<Vec<Value>> {
        match &self.points {
            Points::Grid(axes) => {
                axes.iter().map(|(_, values)| values.iter().map(number::value).collect()).collect()
            }
            Points::Listed(points) => {
                vec![points.iter().map(point_json).collect()]
            }
        }
    }

    /// Values of every parameter that has one at the point `index`, which is below the count.
    pub(super) fn point(&self, index: u32) -> Point {
        let mut point = self.base.clone();
        let mut rest = index as usize;
        match &self.points {
            Points::Listed(points) => {
                point.extend(points[rest].iter().map(|(name, value)| (name.clone(), *value)));
            }
            Points::Grid(axes) => {
                for (name, values) in axes.iter().rev() {
                    let count = usize::try_from(values.count()).unwrap_or(usize::MAX);
                    point.insert(name.clone(), values.at(rest % count));
                    rest /= count;
                }
            }
        }
        point
    }

    /// Notes a fault for each parameter of the strategy that has no value at some point.
    pub(super) fn check_complete(&self, strategy: &Strategy, faults: &mut Faults) {
        let without_base = strategy.params.keys().filter(|name| !self.base.contains_key(*name));
        for name in without_base {
            let pointer = match &self.points {
                Points::Grid(axes) if axes.iter().any(|(axis, _)| axis == name) => continue,
                Points::Grid(_) => fault::pointer("/universalConfig/parameters", name),
                Points::Listed(points) => {
                    match points.iter().position(|point| !point.contains_key(name)) {
                        None => continue,
                        Some(index) => fault::pointer("/parameterVariants", index),
                    }
                }
            };
            let message = format!("the parameter \"{name}\" has no value");
            let hint = "set it in \"parameters\" or \"parameterVariants\", or give it a default";
            faults.add_with_hint(&pointer, "missing_field", message, hint);
        }
    }
}

/// What the parameters of a request may be.
pub(super) struct ParameterScope<'a> {
    /// Whose parameters; `None` if it is faulty: then neither names nor ranges are checked.
    pub(super) strategy: Option<&'a Strategy>,
    /// Points of one axis at most.
    pub(super) max_points: u32,
}

impl ParameterScope<'_> {
    fn defaults(&self) -> Point {
        let specs = self.strategy.into_iter().flat_map(|strategy| &strategy.params);
        specs.filter_map(|(name, spec)| Some((name.clone(), spec.default?))).collect()
    }

    fn grid(&self, axes: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> Points {
        let mut grid = BTreeMap::new();
        for (name, value) in axes {
            let pointer = fault::pointer(pointer, name);
            if self.known(name, &pointer, faults) {
                grid.extend(self.axis(name, value, &pointer, faults));
            }
        }
        Points::Grid(grid.into_iter().collect())
    }

    fn list(&self, list: &[Value], pointer: &str, faults: &mut Faults) -> Points {
        let place = Place { name: "parameterVariants", pointer };
        if !within_limit(place, list.len() as u128, self.max_points, faults) {
            return Points::Grid(Vec::new());
        }
        let pointers = (0..list.len()).map(|index| fault::pointer(pointer, index));
        let points = list.iter().zip(pointers);
        Points::Listed(points.map(|(value, at)| self.point(value, &at, faults)).collect())
    }

    /// Whether the strategy has the parameter `name`; notes a fault if not.
    fn known(&self, name: &str, pointer: &str, faults: &mut Faults) -> bool {
        let Some(strategy) = self.strategy else { return true };
        let known = strategy.params.contains_key(name);
        if !known {
            let names: Vec<&str> = strategy.params.keys().map(String::as_str).collect();
            let message = format!("the strategy has no parameter \"{}\"", shown(name));
            add_nearest(plain(pointer, "unknown_parameter", message), name, &names, faults);
        }
        known
    }

    /// Whether the parameter's own range has `value`; notes a fault if not.
    fn fits(&self, name: &str, value: f64, pointer: &str, faults: &mut Faults) -> bool {
        let Some(strategy) = self.strategy else { return true };
        match strategy.check_parameter(name, value) {
            Ok(()) => true,
            Err(fault) => {
                faults.push(Fault { pointer: pointer.to_owned(), ..fault });
                false
            }
        }
    }

    /// One point: an object of names and numbers.
    fn point(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Point {
        let Value::Object(map) = value else {
            wrong_type(value, pointer, "an object of parameters", faults);
            return Point::new();
        };
        let mut point = Point::new();
        for (name, value) in map {
            let pointer = fault::pointer(pointer, name);
            if self.known(name, &pointer, faults) {
                point
                    .extend(self.value(name, value, &pointer, faults).map(|it| (name.clone(), it)));
            }
        }
        point
    }

    /// One value, checked against the parameter's own range.
    fn value(&self, name: &str, value: &Value, pointer: &str, faults: &mut Faults) -> Option<f64> {
        let number = read_number(value, Place { name, pointer }, ANY, faults)?;
        self.fits(name, number, pointer, faults).then_some(number)
    }

    /// One axis: a list of values or `{from, to, step}`.
    fn axis(
        &self,
        name: &str,
        value: &Value,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<(String, Values)> {
        let values = if let Value::Array(list) = value {
            self.listed(name, list, pointer, faults)?
        } else if value.is_object() {
            self.stepped(name, value, pointer, faults)?
        } else {
            wrong_type(value, pointer, "a list of values or {from, to, step}", faults);
            return None;
        };
        Some((name.to_owned(), values))
    }

    fn listed(
        &self,
        name: &str,
        list: &[Value],
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<Values> {
        if list.is_empty() {
            let message = format!("the axis \"{name}\" has no value");
            let hint = format!("leave \"{name}\" out, or list its values");
            faults.add_with_hint(pointer, "empty_axis", message, hint);
            return None;
        }
        within_limit(Place { name, pointer }, list.len() as u128, self.max_points, faults)
            .then_some(())?;
        let values: Vec<f64> = list
            .iter()
            .enumerate()
            .filter_map(|(index, value)| {
                self.value(name, value, &fault::pointer(pointer, index), faults)
            })
            .collect();
        Some(Values::Listed(values))
    }

    fn stepped(
        &self,
        name: &str,
        value: &Value,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<Values> {
        const HINT: &str = "write {\"from\": 5, \"to\": 45, \"step\": 5}";
        let fields = Fields::open(value, pointer, &["from", "to", "step"], faults)?;
        let mut part = |part: &str| {
            fields.require(part, HINT, faults)?;
            fields.number(part, ANY, faults)
        };
        let (from, to, step) = (part("from"), part("to"), part("step"));
        let (from, to, step) = (from?, to?, step?);
        let steps = match Steps::new(from, to, step) {
            Ok(steps) => steps,
            Err(StepsError::StepNotPositive) => {
                let message =
                    format!("the step of \"{name}\" must be above 0, not {}", number::text(step));
                faults.add(&fields.at("step"), "out_of_range", message);
                return None;
            }
            Err(StepsError::Descending) => {
                let (from, to) = (number::text(from), number::text(to));
                let message = format!("the axis \"{name}\" runs from {from} down to {to}");
                let hint = "swap \"from\" and \"to\"";
                faults.add_with_hint(pointer, "reversed_range", message, hint);
                return None;
            }
            Err(StepsError::TooManyDigits) => {
                let message =
                    format!("the axis \"{name}\" needs more than 38 digits to step exactly");
                faults.add(pointer, "out_of_range", message);
                return None;
            }
        };
        within_limit(Place { name, pointer }, steps.count(), self.max_points, faults)
            .then_some(())?;
        let values = Values::Stepped(steps);
        // The first value at fault stands for the rest of the axis.
        let sound = values.iter().all(|value| self.fits(name, value, pointer, faults));
        sound.then_some(values)
    }
}

/// Any finite number: the parameter's own range is checked after this.
const ANY: Bounds = Bounds::closed("a number", f64::MIN, f64::MAX);

/// Whether an axis of `count` points is within the limit; notes a fault if not.
pub(super) fn within_limit(
    Place { name, pointer }: Place<'_>,
    count: u128,
    max_points: u32,
    faults: &mut Faults,
) -> bool {
    let fits = count <= u128::from(max_points);
    if !fits {
        let message = format!(
            "the axis \"{name}\" has {count} points, more than the {max_points} that one may have"
        );
        faults.add_with_hint(
            pointer,
            "axis_too_long",
            message,
            "take larger steps or split the bundle",
        );
    }
    fits
}

/// Values of parameters as a JSON object.
pub(super) fn point_json(point: &Point) -> Value {
    point.iter().map(|(name, value)| (name.clone(), number::value(*value))).collect()
}
