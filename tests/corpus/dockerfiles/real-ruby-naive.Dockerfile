FROM ruby:3.4
RUN gem install bundler
ADD . /app
WORKDIR /app
RUN bundle install
CMD bundle exec rackup
