//! The forms of a type, from one list of its fields:
//!
//! ```text
//! fields!(Seed as [borsh write] { value(hex), at, height, tickets });
//! ```
//!
//! | form | is |
//! | --- | --- |
//! | `borsh` | [`crate::codec::Codec`]: stored records and Borsh arguments |
//! | `write` | [`crate::json::Write`]: an object, in this order |
//! | `read` | [`crate::json::Read`]: every field is needed that is not `(optional)` |
//! | `read_and` | the same, and `read_and`, which reads an object with one field more |
//! | `read_default` | `read` with no field needed |
//! | `row` | [`crate::row::Field`]: an array of the fields |
//!
//! The order is that of declaration. The compiler sees that no field is forgotten, and tests hold the first four equal to
//! what `borsh` and `serde` make of the type. In JSON, `(hex)` is a fixed number of bytes as a hexadecimal string,
//! `(bytes)` any number of them, `(hex_optional)` zeros where it is left out.

/// Gives a struct these forms.
#[macro_export]
macro_rules! fields {
    ($type:ident as [$($form:ident)+] $fields:tt) => {
        $($crate::fields!(@$form $type $fields);)+
    };
    (@borsh $type:ident { $($field:ident $(($via:ident))?),* $(,)? }) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::codec::Codec::encode($field, out);)*
            }
            fn decode(source: &mut $crate::codec::Source<'_>) -> Self {
                Self { $($field: $crate::codec::Codec::decode(source)),* }
            }
        }
    };
    (@write $type:ident { $first:ident $(($first_via:ident))? $(, $field:ident $(($via:ident))?)* $(,)? }) => {
        impl $crate::json::Write for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                let Self { $first, $($field),* } = self;
                $crate::fields!(@write_value concat!("{\"", stringify!($first), "\":"), $first out $($first_via)?);
                $($crate::fields!(@write_value concat!(",\"", stringify!($field), "\":"), $field out $($via)?);)*
                out.push(b'}');
            }
        }
    };
    (@read $type:ident { $($field:ident $(($via:ident))?),* $(,)? }) => {
        $crate::fields!(@read_all $type { $($field $(($via))?),* } [$($crate::fields!(@needed $($via)?)),*]);
    };
    (@read_and $type:ident { $($field:ident $(($via:ident))?),* $(,)? }) => {
        impl $type {
            /// Reads an object that may have one field more, of this name.
            pub fn read_and(
                reader: &mut $crate::json::Reader<'_>,
                more: &'static str,
                read_more: &mut dyn FnMut(&mut $crate::json::Reader<'_>),
            ) -> Self {
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                const NEEDED: &[bool] = &[$($crate::fields!(@needed $($via)?)),*];
                let mut this = Self::default();
                reader.fields_and(NAMES, NEEDED, more, &mut |reader, index| {
                    let mut _at = 0;
                    $(
                        if index == _at {
                            this.$field = $crate::fields!(@read_value reader $($via)?);
                            return;
                        }
                        _at += 1;
                    )*
                    read_more(reader);
                });
                this
            }
        }

        impl $crate::json::Read for $type {
            fn read(reader: &mut $crate::json::Reader<'_>) -> Self {
                Self::read_and(reader, "", &mut |reader| reader.fail())
            }
        }
    };
    (@read_default $type:ident { $($field:ident $(($via:ident))?),* $(,)? }) => {
        $crate::fields!(@read_all $type { $($field $(($via))?),* } []);
    };
    (@read_all $type:ident { $($field:ident $(($via:ident))?),* } [$($needed:expr),*]) => {
        impl $crate::json::Read for $type {
            fn read(reader: &mut $crate::json::Reader<'_>) -> Self {
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                const NEEDED: &[bool] = &[$($needed),*];
                let mut this = <Self as Default>::default();
                reader.fields(NAMES, NEEDED, &mut |reader, index| {
                    let mut _at = 0;
                    $(
                        if index == _at {
                            this.$field = $crate::fields!(@read_value reader $($via)?);
                            return;
                        }
                        _at += 1;
                    )*
                });
                this
            }
        }
    };
    (@write_value $name:expr, $value:ident $out:ident hex) => {
        $out.push_str($name);
        $crate::json::push_hex($value, $out);
    };
    (@write_value $name:expr, $value:ident $out:ident $($optional:ident)?) => {
        $crate::json::push_named($name, $value, $out)
    };
    (@needed optional) => { false };
    (@needed hex_optional) => { false };
    (@needed $($via:ident)?) => { true };
    (@read_value $reader:ident hex) => { $reader.hex() };
    (@read_value $reader:ident hex_optional) => { $reader.hex() };
    (@read_value $reader:ident bytes) => { $reader.bytes() };
    (@read_value $reader:ident $($optional:ident)?) => { $crate::json::Read::read($reader) };
    (@row $type:ident { $first:ident $(($first_via:ident))? $(, $field:ident $(($via:ident))?)* $(,)? }) => {
        impl $crate::row::Field for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                let Self { $first, $($field),* } = self;
                out.push(b'[');
                $crate::row::Field::write($first, out);
                $($crate::row::next($field, out);)*
                out.push(b']');
            }
            #[cfg(feature = "host")]
            fn read(value: &$crate::row::Value) -> Option<Self> {
                let mut fields = value.as_array()?.iter();
                let row = Self {
                    $first: $crate::row::Field::read(fields.next()?)?,
                    $($field: $crate::row::Field::read(fields.next()?)?),*
                };
                fields.next().is_none().then_some(row)
            }
        }
    };
}

/// Exports methods of a contract that uses near-sdk. What stands in brackets behind a method's name are its JSON
/// arguments, which its body has as variables; others are refused. They come from the module `args` in scope, which has
/// `read(names)` and `need(value, name)`. Without brackets the body runs with the arguments unread.
#[macro_export]
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $(($($arg:ident $(($via:ident))?),*))? => $body:expr;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name() {
            near_sdk::env::setup_panic_hook();
            $($crate::methods!(@read $($arg $(($via))?),*);)?
            $body
        }
    )*};
    (@read) => { args::read(&[]) };
    (@read $($arg:ident $(($via:ident))?),+) => {
        let given = args::read(&[$(stringify!($arg)),+]);
        $(let $arg = $crate::methods!(@take given $arg $($via)?);)+
    };
    (@take $given:ident $arg:ident optional) => { $given.$arg };
    (@take $given:ident $arg:ident) => { args::need($given.$arg, stringify!($arg)) };
}

/// Declares `Args`, the JSON arguments of all methods of a contract: one struct for all costs a tenth of one struct per
/// method. A field that is absent or null is `None`.
#[macro_export]
macro_rules! arguments {
    ($(#[$doc:meta])* $($name:ident: $type:ty,)*) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table of methods says what they mean")]
        pub struct Args {
            $(pub $name: Option<$type>,)*
        }

        impl Args {
            /// Every argument's name.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads an object that has no other fields than these.
            ///
            /// # Errors
            /// It is no JSON, a field is wrong, repeated, or not one of these.
            pub fn parse(text: &str, names: &'static [&'static str]) -> Result<Self, $crate::json::ReadError> {
                $crate::json::parse_by(text, |reader| {
                    let mut this = Self::default();
                    reader.fields(names, &[], &mut |reader, index| match names[index] {
                        $(stringify!($name) => this.$name = $crate::json::Read::read(reader),)*
                        _ => reader.fail(),
                    });
                    this
                })
            }
        }
    };
}

/// Gives a number in a type of its own the forms of the number.
#[macro_export]
macro_rules! transparent {
    ($type:ident as [$($form:ident)+]) => {
        $($crate::transparent!(@$form $type);)+
    };
    (@borsh $type:ident) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                $crate::codec::Codec::encode(&self.0, out);
            }
            fn decode(source: &mut $crate::codec::Source<'_>) -> Self {
                Self($crate::codec::Codec::decode(source))
            }
        }
    };
    (@write $type:ident) => {
        impl $crate::json::Write for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                $crate::json::Write::write(&self.0, out);
            }
        }
    };
    (@read $type:ident) => {
        impl $crate::json::Read for $type {
            fn read(reader: &mut $crate::json::Reader<'_>) -> Self {
                Self($crate::json::Read::read(reader))
            }
        }
    };
    (@row $type:ident) => {
        impl $crate::row::Field for $type {
            fn write(&self, out: &mut $crate::json::Text) {
                $crate::row::Field::write(&self.0, out);
            }
            #[cfg(feature = "host")]
            fn read(value: &$crate::row::Value) -> Option<Self> {
                $crate::row::Field::read(value).map(Self)
            }
        }
    };
}
