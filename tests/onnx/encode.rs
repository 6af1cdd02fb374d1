//! Writes small ONNX files: enough of protobuf for graphs without weights.

/// A protobuf message that is being written.
#[derive(Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value.cast_unsigned());
        self
    }

    pub(crate) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// A field that says it has `length` bytes, whatever follows.
    pub(crate) fn claim(mut self, field: u64, length: u64) -> Self {
        self.varint(field << 3 | 2);
        self.varint(length);
        self
    }

    pub(crate) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }
}

/// A size of a declared shape.
#[derive(Clone, Copy)]
pub(crate) enum Size {
    Of(i64),
    Named(&'static str),
    Open,
}

/// A setting of a node.
pub(crate) enum Set<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Text(&'a str, &'a str),
    Tensor(&'a str, Message),
    Graph(&'a str, Message),
}

impl Set<'_> {
    fn message(&self) -> Message {
        let name = |name: &str| Message::default().text(1, name);
        match self {
            Self::Int(key, value) => name(key).int(3, *value).int(20, 2),
            Self::Ints(key, values) => {
                values.iter().fold(name(key), |message, &value| message.int(8, value)).int(20, 7)
            }
            Self::Text(key, value) => name(key).text(4, value).int(20, 3),
            Self::Tensor(key, tensor) => name(key).message(5, tensor).int(20, 4),
            Self::Graph(key, graph) => name(key).message(6, graph).int(20, 5),
        }
    }
}

/// A float tensor without its numbers.
pub(crate) fn weights(name: &str, sizes: &[i64]) -> Message {
    sizes.iter().fold(Message::default(), |message, &size| message.int(1, size)).int(2, 1).text(8, name)
}

/// A list of 64-bit whole numbers in raw form.
pub(crate) fn ints(name: &str, list: &[i64]) -> Message {
    let raw: Vec<u8> = list.iter().flat_map(|number| number.to_le_bytes()).collect();
    Message::default().int(1, list.len() as i64).int(2, 7).text(8, name).bytes(9, &raw)
}

/// A name with a shape.
pub(crate) fn declared(name: &str, sizes: &[Size]) -> Message {
    let size = |size: &Size| match size {
        Size::Of(number) => Message::default().int(1, *number),
        Size::Named(name) => Message::default().text(2, name),
        Size::Open => Message::default(),
    };
    let shape = sizes.iter().fold(Message::default(), |shape, entry| shape.message(1, &size(entry)));
    let tensor = Message::default().int(1, 1).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

pub(crate) fn node(op_type: &str, inputs: &[&str], outputs: &[&str], settings: &[Set<'_>]) -> Message {
    let mut message = Message::default();
    for input in inputs {
        message = message.text(1, input);
    }
    for output in outputs {
        message = message.text(2, output);
    }
    message = message.text(3, &format!("n_{}", outputs.first().unwrap_or(&""))).text(4, op_type);
    settings.iter().fold(message, |message, set| message.message(5, &set.message()))
}

/// A graph that is being written.
#[derive(Clone, Default)]
pub(crate) struct Net(Message);

impl Net {
    pub(crate) fn new() -> Self {
        Self(Message::default().text(2, "net"))
    }

    pub(crate) fn input(self, name: &str, sizes: &[Size]) -> Self {
        Self(self.0.message(11, &declared(name, sizes)))
    }

    /// An input of a known shape.
    pub(crate) fn known(self, name: &str, sizes: &[i64]) -> Self {
        let sizes: Vec<Size> = sizes.iter().map(|&size| Size::Of(size)).collect();
        self.input(name, &sizes)
    }

    pub(crate) fn output(self, name: &str) -> Self {
        Self(self.0.message(12, &Message::default().text(1, name)))
    }

    pub(crate) fn weights(self, name: &str, sizes: &[i64]) -> Self {
        Self(self.0.message(5, &weights(name, sizes)))
    }

    pub(crate) fn ints(self, name: &str, list: &[i64]) -> Self {
        Self(self.0.message(5, &ints(name, list)))
    }

    pub(crate) fn node(self, op_type: &str, inputs: &[&str], outputs: &[&str], settings: &[Set<'_>]) -> Self {
        Self(self.0.message(1, &node(op_type, inputs, outputs, settings)))
    }

    pub(crate) fn raw(self, message: impl FnOnce(Message) -> Message) -> Self {
        Self(message(self.0))
    }

    pub(crate) fn graph(&self) -> &Message {
        &self.0
    }

    /// The file.
    pub(crate) fn file(&self) -> Vec<u8> {
        self.file_with_opset(17)
    }

    pub(crate) fn file_with_opset(&self, opset: i64) -> Vec<u8> {
        let set = Message::default().text(1, "").int(2, opset);
        Message::default().int(1, 8).text(2, "test").message(7, &self.0).message(8, &set).0
    }
}
