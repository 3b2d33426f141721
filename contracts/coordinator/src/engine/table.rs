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

    /// Writes the record, whatever was there.
    pub fn put(&mut self, key: K, record: R) {
        let row = Row { key, record: Some(record), changed: true };
        match self.rows.iter_mut().find(|row| row.key == key) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
    }

    /// Stores what has changed.
    pub fn flush(&mut self, host: &mut impl Host) {
        for row in self.rows.drain(..).filter(|row| row.changed) {
            let key = numbered(R::PREFIX, row.key);
            match row.record {
                Some(record) => host.write(&key, &record.store()),
                None => host.remove(&key),
            }
        }
    }

    fn load(&mut self, host: &impl Host, key: K) -> Result<usize, Error> {
        if let Some(index) = self.rows.iter().position(|row| row.key == key) {
            return Ok(index);
        }
        let record = match host.read(&numbered(R::PREFIX, key)) {
            Some(bytes) => Some(R::load(&bytes).ok_or(Error::Internal("a stored record cannot be read"))?),
            None => None,
        };
        self.rows.push(Row { key, record, changed: false });
        Ok(self.rows.len() - 1)
    }
}
