//! Reads and writes the few flatbuffers that Arrow files are described by.
//!
//! Reading checks every offset: nothing in a file can make it panic or allocate.

/// A table inside a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    buffer: &'a [u8],
    at: usize,
}

/// `N` bytes at an offset.
fn bytes<const N: usize>(buffer: &[u8], at: usize) -> Option<[u8; N]> {
    buffer.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Where the offset that is stored at `at` leads.
fn follow(buffer: &[u8], at: usize) -> Option<usize> {
    at.checked_add(usize::try_from(u32::from_le_bytes(bytes(buffer, at)?)).ok()?)
}

impl<'a> Fields<'a> {
    /// The root of a buffer.
    pub(super) fn root(buffer: &'a [u8]) -> Option<Fields<'a>> {
        Some(Fields { buffer, at: follow(buffer, 0)? })
    }

    /// Where field `index` is, if it is there.
    fn place(&self, index: usize) -> Option<usize> {
        let back = i64::from(i32::from_le_bytes(bytes(self.buffer, self.at)?));
        let table = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        let size = usize::from(u16::from_le_bytes(bytes(self.buffer, table)?));
        let slot = 4 + index * 2;
        if slot + 2 > size {
            return None;
        }
        match u16::from_le_bytes(bytes(self.buffer, table.checked_add(slot)?)?) {
            0 => None,
            offset => self.at.checked_add(usize::from(offset)),
        }
    }

    pub(super) fn u8(&self, index: usize) -> Option<u8> {
        bytes::<1>(self.buffer, self.place(index)?).map(|[byte]| byte)
    }

    pub(super) fn i16(&self, index: usize) -> Option<i16> {
        bytes(self.buffer, self.place(index)?).map(i16::from_le_bytes)
    }

    pub(super) fn i32(&self, index: usize) -> Option<i32> {
        bytes(self.buffer, self.place(index)?).map(i32::from_le_bytes)
    }

    pub(super) fn i64(&self, index: usize) -> Option<i64> {
        bytes(self.buffer, self.place(index)?).map(i64::from_le_bytes)
    }

    pub(super) fn table(&self, index: usize) -> Option<Fields<'a>> {
        Some(Fields { buffer: self.buffer, at: follow(self.buffer, self.place(index)?)? })
    }

    pub(super) fn text(&self, index: usize) -> Option<&'a str> {
        let (start, length) = self.vector(index)?;
        std::str::from_utf8(self.buffer.get(start..start.checked_add(length)?)?).ok()
    }

    /// The tables of a vector of tables.
    pub(super) fn tables(
        &self,
        index: usize,
    ) -> Option<impl Iterator<Item = Option<Fields<'a>>> + use<'a>> {
        let (start, length) = self.vector(index)?;
        let buffer = self.buffer;
        // Every element takes four bytes: a length beyond the buffer is none.
        (length <= buffer.len() / 4).then_some(())?;
        Some((0..length).map(move |item| {
            Some(Fields { buffer, at: follow(buffer, start.checked_add(item.checked_mul(4)?)?)? })
        }))
    }

    /// Structs of `N` bytes in a vector.
    pub(super) fn structs<const N: usize>(&self, index: usize) -> Option<Vec<[u8; N]>> {
        let (start, length) = self.vector(index)?;
        let all = self.buffer.get(start..start.checked_add(length.checked_mul(N)?)?)?;
        Some(all.as_chunks::<N>().0.to_vec())
    }

    fn vector(&self, index: usize) -> Option<(usize, usize)> {
        let at = follow(self.buffer, self.place(index)?)?;
        let length = u32::from_le_bytes(bytes(self.buffer, at)?);
        Some((at.checked_add(4)?, usize::try_from(length).ok()?))
    }
}
