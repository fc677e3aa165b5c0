//! What payloads that are read in place have in common.

/// Makes the view of a payload, and implements [`Payload`](super::super::Payload) for the payload. Its
/// module has `Stored`, what is archived; `stored`, a method of the payload that makes it; and
/// `copied`, a method of the view that makes the payload.
///
/// `collection` says whether `Stored` has a field of this name (`named`) or not (`none`). Behind
/// `check` stands a function that looks for broken rules in `Stored` on the way out, and one that looks
/// for them in what is archived on the way in.
macro_rules! archived_payload {
    (
        $name:ident, version $version:literal, collection $collection:ident,
        $view:ident of $archived:ty
        $(, check $check_stored:path, $check_archived:path)? $(, epoch $epoch:ident)? $(,)?
    ) => {
        #[doc = concat!("A [`", stringify!($name), "`] read in place: nothing was copied.")]
        #[derive(Clone, Copy)]
        pub struct $view<'a> {
            stored: &'a $archived,
        }

        impl<'a> $view<'a> {
            /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
            ///
            /// # Errors
            ///
            /// As [`Payload::decode`](crate::payload::Payload::decode).
            pub fn read(
                bytes: &'a [u8],
                scratch: &'a mut $crate::payload::AlignedScratch,
            ) -> Result<Self, $crate::payload::PayloadError> {
                let kind = $crate::types::RecordKind::$name;
                let stored: &$archived =
                    $crate::payload::archive::access(kind, $version, bytes, scratch)?;
                $($check_archived(stored).map_err(|rule| rule.when_decoding(kind))?;)?
                Ok(Self { stored })
            }
        }

        impl $crate::payload::Payload for $name {
            const KIND: $crate::types::RecordKind = $crate::types::RecordKind::$name;

            fn collection(&self) -> Option<&str> {
                archived_payload!(@collection $collection self)
            }

            $(fn epoch(&self) -> $crate::types::Epoch {
                self.$epoch
            })?

            fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::payload::PayloadError> {
                let stored = self.stored();
                $($check_stored(&stored).map_err(|rule| rule.when_encoding(Self::KIND))?;)?
                $crate::payload::archive::write(Self::KIND, $version, &stored, out)
            }

            fn decode(bytes: &[u8]) -> Result<Self, $crate::payload::PayloadError> {
                let mut scratch = $crate::payload::AlignedScratch::new();
                $view::read(bytes, &mut scratch).map($view::copied)
            }

            archived_payload!(@collection_in $collection $version);
        }
    };
    (@collection named $self:ident) => { Some(&$self.collection) };
    (@collection none $self:ident) => { None };
    (@collection_in named $version:literal) => {
        fn collection_in(
            bytes: &[u8],
        ) -> Result<Option<std::borrow::Cow<'_, str>>, $crate::payload::PayloadError> {
            fn name<'x>(stored: &'x ArchivedStored<'_>) -> &'x str {
                &stored.collection
            }
            $crate::payload::archive::collection_in(Self::KIND, $version, bytes, name)
        }
    };
    (@collection_in none $version:literal) => {
        fn collection_in(
            _: &[u8],
        ) -> Result<Option<std::borrow::Cow<'_, str>>, $crate::payload::PayloadError> {
            Ok(None)
        }
    };
}

pub(in crate::payload) use archived_payload;
