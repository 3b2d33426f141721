//! Records of one kind, read once and written once per call, so that eight lots in one call share their reads and
//! writes of nodes, batch and purse.

use super::{Host, error::Error, key::Key, key::numbered, record::Record};

/// The records of one kind that the call has touched.
#[derive(Debug)]
pub struct Table<K, R> {
    rows: Vec<Row<K, R>>,
}

#[derive(Debug)]
struct Row<K, R> {
    key: K,
    record: Option<R>,
    changed: bool,
    /// Whether storage has a record.
    stored: bool,
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<K: Key, R: Record> Table<K, R> {
    /// The record, to be read.
    ///
    /// # Errors
    /// The stored bytes cannot be read.
    pub fn peek(&mut self, host: &impl Host, key: K) -> Result<Option<&R>, Error> {
        let index = self.load(host, key)?;
        Ok(self.rows[index].record.as_ref())
    }

    /// The record, to be changed.
    ///
    /// # Errors
    /// The stored bytes cannot be read.
    pub fn edit(&mut self, host: &impl Host, key: K) -> Result<Option<&mut R>, Error> {
        let index = self.load(host, key)?;
        let row = &mut self.rows[index];
        row.changed |= row.record.is_some();
        Ok(row.record.as_mut())
    }

    /// Takes the record out; it is removed unless it is put back.
    ///
    /// # Errors
    /// The stored bytes cannot be read.
    pub fn take(&mut self, host: &impl Host, key: K) -> Result<Option<R>, Error> {
        let index = self.load(host, key)?;
        let row = &mut self.rows[index];
        row.changed |= row.record.is_some();
        Ok(row.record.take())
    }

    /// Takes the record out where the call has all `count` records of a group that there are, so that a record which it does
    /// not have is nowhere, and need not be looked for.
    ///
    /// # Errors
    /// The stored bytes cannot be read.
    pub fn take_of(
        &mut self,
        host: &impl Host,
        key: K,
        group: impl Fn(K) -> bool,
        count: u32,
    ) -> Result<Option<R>, Error> {
        let had = self.rows.iter().filter(|row| group(row.key) && row.record.is_some()).count();
        if u32::try_from(had) == Ok(count) && self.rows.iter().all(|row| row.key != key) {
            Ok(None)
        } else {
            self.take(host, key)
        }
    }

    /// Takes the record out of storage too, where the call will most likely leave none: that costs less than to read it
    /// first. It is written again if it is put back.
    ///
    /// # Errors
    /// The stored bytes cannot be read.
    pub fn draw(&mut self, host: &mut impl Host, key: K) -> Result<Option<R>, Error> {
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == key) {
            row.changed = true;
            return Ok(row.record.take());
        }
        let bytes = host.take(&numbered(R::PREFIX, key));
        self.rows.push(Row { key, record: None, changed: true, stored: false });
        read(bytes)
    }

    /// Writes the record, whatever was there.
    pub fn put(&mut self, key: K, record: R) {
        match self.rows.iter_mut().find(|row| row.key == key) {
            Some(row) => (row.record, row.changed) = (Some(record), true),
            None => self.rows.push(Row { key, record: Some(record), changed: true, stored: true }),
        }
    }

    /// Stores what has changed.
    pub fn flush(&mut self, host: &mut impl Host) {
        for row in self.rows.drain(..).filter(|row| row.changed) {
            let key = numbered(R::PREFIX, row.key);
            match row.record {
                Some(record) => host.write(&key, &record.store()),
                None if row.stored => host.remove(&key),
                None => {}
            }
        }
    }

    fn load(&mut self, host: &impl Host, key: K) -> Result<usize, Error> {
        if let Some(index) = self.rows.iter().position(|row| row.key == key) {
            return Ok(index);
        }
        let record = read(host.read(&numbered(R::PREFIX, key)))?;
        let stored = record.is_some();
        self.rows.push(Row { key, record, changed: false, stored });
        Ok(self.rows.len() - 1)
    }
}

fn read<R: Record>(bytes: Option<Vec<u8>>) -> Result<Option<R>, Error> {
    match bytes {
        Some(bytes) => R::load(&bytes).ok_or(Error::Internal("a stored record cannot be read")).map(Some),
        None => Ok(None),
    }
}
