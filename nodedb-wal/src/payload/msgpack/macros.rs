//! A payload's form in one line: its version, and its fields in the order they are written.

/// Implements [`Payload`](super::Payload) for a struct: the fields in the order they are written.
///
/// `collection` says whether the first field is the collection's name (`named`), a name or nothing
/// (`optional`), or something else (`none`). Behind `check` stands a method that looks for broken
/// rules among the values, run on the way out and on the way in.
macro_rules! msgpack_payload {
    (
        $name:ident, version $version:literal, collection $collection:ident,
        [$($field:ident),+ $(,)?]
        $(, check $check:ident)? $(, epoch $epoch:ident)? $(,)?
    ) => {
        impl $crate::payload::Payload for $name {
            const KIND: $crate::types::RecordKind = $crate::types::RecordKind::$name;

            fn collection(&self) -> Option<&str> {
                msgpack_payload!(@collection $collection self)
            }

            $(fn epoch(&self) -> $crate::types::Epoch {
                self.$epoch
            })?

            fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::payload::PayloadError> {
                $(self.$check().map_err(|rule| rule.when_encoding(Self::KIND))?;)?
                const FIELDS: usize = [$(stringify!($field)),+].len();
                $crate::payload::msgpack::write(Self::KIND, $version, FIELDS, out, |writer| {
                    $(writer.field(stringify!($field), &self.$field)?;)+
                    Ok(())
                })
            }

            fn decode(bytes: &[u8]) -> Result<Self, $crate::payload::PayloadError> {
                const FIELDS: usize = [$(stringify!($field)),+].len();
                let mut reader =
                    $crate::payload::msgpack::Reader::open(Self::KIND, $version, FIELDS, bytes)?;
                let payload = Self { $($field: reader.field(stringify!($field))?),+ };
                reader.finish()?;
                $(payload.$check().map_err(|rule| rule.when_decoding(Self::KIND))?;)?
                Ok(payload)
            }

            msgpack_payload!(@collection_in $collection $version [$($field),+]);
        }
    };
    (@collection named $self:ident) => { Some(&$self.collection) };
    (@collection optional $self:ident) => { $self.collection.as_deref() };
    (@collection none $self:ident) => { None };
    (@collection_in named $version:literal $fields:tt) => {
        msgpack_payload!(@leading $version $fields &str, |name| Some(name.into()));
    };
    (@collection_in optional $version:literal $fields:tt) => {
        msgpack_payload!(@leading $version $fields Option<&str>, |name| name.map(Into::into));
    };
    (@collection_in none $version:literal $fields:tt) => {
        fn collection_in(
            _: &[u8],
        ) -> Result<Option<std::borrow::Cow<'_, str>>, $crate::payload::PayloadError> {
            Ok(None)
        }
    };
    (@leading $version:literal [$($field:ident),+] $name:ty, $into:expr) => {
        fn collection_in(
            bytes: &[u8],
        ) -> Result<Option<std::borrow::Cow<'_, str>>, $crate::payload::PayloadError> {
            const FIELDS: usize = [$(stringify!($field)),+].len();
            $crate::payload::msgpack::Reader::open(Self::KIND, $version, FIELDS, bytes)?
                .field::<$name>("collection")
                .map($into)
        }
    };
}

/// Implements [`Field`] for a struct that stands inside a payload: an array of its own.
macro_rules! msgpack_element {
    ($name:ident, [$($field:ident),+ $(,)?]) => {
        impl $crate::payload::msgpack::Field<'_> for $name {
            const BYTES_MIN: usize = 1 + [$(stringify!($field)),+].len();

            fn put(
                &self,
                writer: &mut $crate::payload::msgpack::Writer<'_>,
            ) -> Result<(), $crate::payload::PayloadError> {
                writer.array_len([$(stringify!($field)),+].len())?;
                $(self.$field.put(writer)?;)+
                Ok(())
            }

            fn take(
                reader: &mut $crate::payload::msgpack::Reader<'_>,
            ) -> Result<Self, $crate::payload::PayloadError> {
                reader.array_of([$(stringify!($field)),+].len())?;
                Ok(Self {
                    $($field: $crate::payload::msgpack::Field::take(reader)?),+
                })
            }
        }

        impl $crate::payload::msgpack::Element for $name {}
    };
}

pub(in crate::payload) use {msgpack_element, msgpack_payload};
