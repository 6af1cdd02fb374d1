//! The protobuf wire format over a reader that can seek: fields are walked one by one, and payloads that nobody wants
//! are stepped over without being read.
//!
//! What the fields mean is left to [`super::model`]. Encoding: Protocol Buffers documentation, "Encoding". Walking never
//! recurses, and what is read and what is kept are both bounded, so that a file of any size costs little.

use std::io::{Read, Seek, SeekFrom};

use crate::workload::import::ImportError;

/// A reader that can seek: an open file, or a cursor over bytes.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Largest file: what protobuf can hold in one message.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 31;
/// Most bytes that are looked at; payloads of tensors are stepped over and do not count.
const WALKED_BYTES_MAX: u64 = 96 << 20;
/// Most names, sizes and numbers that are kept.
const ITEMS_MAX: u64 = 2_000_000;
/// Longest name.
const TEXT_BYTES_MAX: u64 = 4_096;
const BUFFER_BYTES: usize = 16 << 10;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// A whole number, or its bits.
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64,
    /// A message, a text or packed numbers.
    Span(Span),
}

/// Bytes of the file, from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn len(self) -> u64 {
        self.end - self.start
    }
}

/// A position in the file with a buffer behind it.
pub(super) struct Wire<'a> {
    reader: &'a mut dyn ReadSeek,
    /// Bytes from `start` of the file on.
    buffer: Vec<u8>,
    start: u64,
    position: u64,
    length: u64,
    walked: u64,
    items: u64,
}

impl<'a> Wire<'a> {
    pub(super) fn new(reader: &'a mut dyn ReadSeek) -> Result<Self, ImportError> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
        if length > FILE_BYTES_MAX {
            return Err(ImportError::onnx("the file", "at most 2 GiB, as protobuf allows", &format!("{length} bytes")));
        }
        Ok(Self { reader, buffer: Vec::new(), start: 0, position: 0, length, walked: 0, items: 0 })
    }

    /// The whole file.
    pub(super) fn all(&self) -> Span {
        Span { start: 0, end: self.length }
    }

    fn broken(&self, expected: &str, found: &str) -> ImportError {
        ImportError::onnx(&format!("byte {}", self.position), expected, found)
    }

    /// Fills the buffer from the position on.
    fn fill(&mut self) -> Result<(), ImportError> {
        self.reader.seek(SeekFrom::Start(self.position)).map_err(|error| unreadable(&error))?;
        self.start = self.position;
        let wanted = (self.length - self.position).min(BUFFER_BYTES as u64);
        self.buffer.clear();
        let read =
            (&mut *self.reader).take(wanted).read_to_end(&mut self.buffer).map_err(|error| unreadable(&error))?;
        if read == 0 {
            return Err(self.broken("more bytes", "the end of the file"));
        }
        Ok(())
    }

    fn byte(&mut self, end: u64) -> Result<u8, ImportError> {
        if self.position >= end {
            return Err(self.broken("more bytes", "the end of its message"));
        }
        let held = self.position.checked_sub(self.start).and_then(|at| self.buffer.get(at as usize)).copied();
        let byte = if let Some(byte) = held {
            byte
        } else {
            self.fill()?;
            self.buffer[0]
        };
        self.position += 1;
        self.walked += 1;
        if self.walked > WALKED_BYTES_MAX {
            return Err(self.broken("at most 96 MiB beside the weights", "more"));
        }
        Ok(byte)
    }

    /// Little-endian groups of seven bits, lowest first; ten bytes at most.
    fn varint(&mut self, end: u64) -> Result<u64, ImportError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte(end)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.broken("a number of at most ten bytes", "a longer one"))
    }

    /// The next field of a message and its value; `None` at its end. `at` is where the message is read on.
    ///
    /// # Errors
    /// If the bytes are no field, or its length leaves the message.
    pub(super) fn field(&mut self, at: &mut Span) -> Result<Option<(u64, Payload)>, ImportError> {
        if at.start >= at.end {
            return Ok(None);
        }
        self.position = at.start;
        let key = self.varint(at.end)?;
        let payload = match key & 7 {
            0 => Payload::Varint(self.varint(at.end)?),
            1 => {
                for _ in 0..8 {
                    self.byte(at.end)?;
                }
                Payload::Fixed64
            }
            2 => {
                let length = self.varint(at.end)?;
                let left = at.end - self.position;
                if length > left {
                    return Err(self.broken(&format!("a field of at most {left} bytes"), &format!("{length} bytes")));
                }
                let start = self.position;
                self.position += length;
                Payload::Span(Span { start, end: start + length })
            }
            5 => {
                let mut bytes = [0; 4];
                for byte in &mut bytes {
                    *byte = self.byte(at.end)?;
                }
                Payload::Fixed32(bytes)
            }
            other => return Err(self.broken("a protobuf field", &format!("wire type {other}"))),
        };
        if key >> 3 == 0 {
            return Err(self.broken("a protobuf field", "field number 0"));
        }
        at.start = self.position;
        Ok(Some((key >> 3, payload)))
    }

    /// Notes that one more thing of the file is kept.
    pub(super) fn keep(&mut self) -> Result<(), ImportError> {
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(self.broken("at most 2 000 000 names and sizes", "more"));
        }
        Ok(())
    }

    /// The bytes of a span.
    pub(super) fn bytes(&mut self, span: Span) -> Result<Vec<u8>, ImportError> {
        self.position = span.start;
        let mut bytes = Vec::with_capacity((span.len() as usize).min(BUFFER_BYTES));
        while self.position < span.end {
            bytes.push(self.byte(span.end)?);
        }
        Ok(bytes)
    }

    /// A name; bytes that are no text are replaced.
    pub(super) fn text(&mut self, span: Span) -> Result<String, ImportError> {
        self.keep()?;
        if span.len() > TEXT_BYTES_MAX {
            self.position = span.start;
            return Err(self.broken("a name of at most 4 096 bytes", &format!("{} bytes", span.len())));
        }
        Ok(String::from_utf8_lossy(&self.bytes(span)?).into_owned())
    }

    /// Packed whole numbers, up to `most` of them; `None` if there are more.
    pub(super) fn packed(&mut self, span: Span, most: usize) -> Result<Option<Vec<i64>>, ImportError> {
        if span.len() > 10 * most as u64 {
            return Ok(None);
        }
        self.position = span.start;
        let mut numbers = Vec::new();
        while self.position < span.end {
            if numbers.len() == most {
                return Ok(None);
            }
            self.keep()?;
            numbers.push(self.varint(span.end)?.cast_signed());
        }
        Ok(Some(numbers))
    }
}

fn unreadable(error: &std::io::Error) -> ImportError {
    ImportError::onnx("the file", "bytes that can be read", &error.to_string())
}
